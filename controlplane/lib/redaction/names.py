"""The names of fields, joined by underscores, and what the values under them are."""

from __future__ import annotations

# What a value under a sensitive name is. KEEP is an id, kept unless it is an address or a token;
# USER is replaced by a pseudonym; "" says nothing, and the patterns decide.
SECRET, EMAIL, PHONE, ADDRESS = "secret", "email", "phone", "address"
ACCOUNT, PERSON, NATIONAL_ID, CARD, IBAN = "account", "person", "national_id", "card", "iban"
COOKIE, USER, KEEP = "cookie", "user", "keep"
KINDS = frozenset(
    {SECRET, EMAIL, PHONE, ADDRESS, ACCOUNT, PERSON, NATIONAL_ID, CARD, IBAN, COOKIE, USER, KEEP}
)


def _names(text: str) -> list[str]:
    return text.split()


# Joined words. The first block is the contract with the playbooks' log fields.
EXACT: dict[str, str] = {
    **dict.fromkeys(
        _names(
            """
    mission_id tenant_id tenant stage correlation_id request_id trace_id span_id
    parent_span_id bd_issue issue_key event_id token_usage workspace_id idempotency_key
    session_id session_key
    """
        ),
        KEEP,
    ),
    **dict.fromkeys(
        _names(
            """
    authorization proxy_authorization credential credentials creds api_key apikey x_api_key
    passwd pwd jwt bearer otp totp pin pin_code cvv cvv2 cvc cvc2 csc private_key
    signing_key encryption_key master_key ssh_key deploy_key license_key access_key
    access_key_id secret_key storage_key account_key shared_key shared_access_key
    subscription_key auth_key authkey service_key webhook_key hmac_key session_secret
    recovery_code recovery_codes backup_codes mfa_code otp_code verification_code
    one_time_code security_code authorization_code auth_code pgpassword csrfmiddlewaretoken
    accesstoken refreshtoken idtoken authtoken clientsecret privatekey secretkey accesskey
    signingkey sas_token sas shared_access_signature aws_secret_access_key db_pass dbpass
    smtp_pass user_pass admin_pass root_pass mysql_pass pg_pass redis_pass ftp_pass
    ldap_pass mail_pass auth_pass login_pass proxy_pass keystore_pass security_answer
    """
        ),
        SECRET,
    ),
    **dict.fromkeys(
        _names(
            """
    cookie cookies set_cookie sessionid jsessionid phpsessid connect_sid session_cookie
    """
        ),
        COOKIE,
    ),
    **dict.fromkeys(
        _names(
            """
    email emails e_mail mail mails email_address emailaddress e_mail_address mail_address
    courriel email_addresses mailto
    """
        ),
        EMAIL,
    ),
    **dict.fromkeys(
        _names(
            """
    phone phones telephone telefon tel mobile mobile_number mobile_phone cell_phone
    cell_number cellphone cell fax fax_number msisdn phone_number phonenumber phone_numbers
    handy handynummer telefonnummer rufnummer whatsapp sms_number mobilenumber
    """
        ),
        PHONE,
    ),
    **dict.fromkeys(
        _names(
            """
    address addresses addr street street_address streetaddress postal_address home_address
    billing_address shipping_address mailing_address delivery_address anschrift adresse
    strasse
    """
        ),
        ADDRESS,
    ),
    **dict.fromkeys(
        _names(
            """
    account_id account_no account_nr account_num account_number account_code accountid
    accountnumber acct acct_id acct_no acct_number acct_num cust_id cust_no customer_id
    customerid customer_no customer_number customer_account bank_account bank_account_number
    routing_number sort_code kontonummer konto_nr kundennummer kunden_nr bban bic_account
    client_number numero_compte numero_client account_ref billing_account
    """
        ),
        ACCOUNT,
    ),
    **dict.fromkeys(["iban"], IBAN),
    **dict.fromkeys(
        _names(
            """
    card_number cardnumber card_no credit_card creditcard credit_card_number debit_card
    debit_card_number payment_card pan card_pan cc_number ccnumber
    """
        ),
        CARD,
    ),
    **dict.fromkeys(
        _names(
            """
    first_name firstname last_name lastname full_name fullname surname given_name givenname
    family_name familyname middle_name middlename maiden_name birth_name legal_name
    customer_name contact_name cardholder card_holder cardholder_name card_holder_name
    account_holder patient_name employee_name applicant_name recipient_name vorname nachname
    """
        ),
        PERSON,
    ),
    **dict.fromkeys(
        _names(
            """
    ssn social_security_number social_security national_id national_id_number nationalid
    passport passport_number passport_no drivers_license driver_license license_number
    tax_id tax_number taxid steuer_id steuernummer nino date_of_birth dob birth_date
    birthdate birthday geburtsdatum identity_number
    """
        ),
        NATIONAL_ID,
    ),
    **dict.fromkeys(["user_id", "userid", "user_ids", "enduser_id", "uid_user"], USER),
}

# A name that ends (or, for these words, is qualified) so speaks about the value, not of it.
ABOUT = frozenset(
    _names(
        """
    at on by count counts total usage used limit limits budget max min length len size bytes
    type types kind format policy policies rule rules expiry expires expired expiration ttl
    age days seconds ms version name names status state valid validity verified validated
    required optional enabled disabled strength rotation rotated changed updated created
    revoked issued rate ratio per cost price error errors failures failure reason code codes
    url uri endpoint path file filename dir header scheme method algorithm alg provider
    source scope scopes issuer audience field fields label hint prefix suffix template
    templates subject sent queue queued channel channels host server port domain domains
    diff delta consent banner samesite domain attempts attempt retries latency model os
    brand device vendor space range family pool class book list index id ids arn present
    missing set has is needs reset
    """
    )
)
NOT_POSTAL = frozenset(
    _names(
        """
    ip ipv4 ipv6 mac memory remote peer listen bind bound server host base load bus physical
    virtual pod node cluster socket internal external private public gateway broadcast dns
    contract client source src dest destination local network net service proxy upstream web
    wallet
    """
    )
)
PAGING = frozenset(
    _names(
        """
    page next continuation sync cursor prev previous stop eos bos pad unk mask first last
    prompt completion input output cached reasoning total max min
    """
    )
)
TOKEN_OWNERS = frozenset(
    _names(
        """
    access refresh auth api bearer session id csrf xsrf user
    """
    )
)
