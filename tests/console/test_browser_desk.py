"""One whole signature on a phone without script: from the link in a message to the document."""

from __future__ import annotations

import pytest
from django.urls import reverse

from controlplane.approvals import services
from controlplane.approvals.links import page_of
from controlplane.approvals.models import Decision
from tests import make
from tests.kit import approvals
from tests.kit.browser import MISSING, NARROW, Browser

pytestmark = [pytest.mark.skipif(bool(MISSING), reason=MISSING), pytest.mark.slow]
WIDTHS = "return [document.documentElement.scrollWidth, window.innerWidth]"
SMALL = """
return [...document.querySelectorAll('main button, main .button, main input:not([type=hidden]),'
  + ' main select, main textarea, .tabs a, .who, .brand, main summary')]
  .filter((one) => one.getClientRects().length && one.getBoundingClientRect().height < 44)
  .map((one) => one.outerHTML.slice(0, 90));
"""


@pytest.fixture
def phone(browser: Browser) -> Browser:
    browser.size(NARROW)
    browser.scripts(on=False)
    return browser


def fits(browser: Browser) -> None:
    wide, window = browser.js(WIDTHS)
    assert wide <= window, browser.path
    assert not browser.js(SMALL), browser.path


def test_sign__from_the_message_to_the_document(phone: Browser) -> None:
    here = make.workspace()
    pia = make.person(here, "product_partner", name="Pia Noor")
    device = make.enrol(pia)
    rita = make.person(here, "release_manager", name="Rita Lund")
    policy = approvals.policy(
        here, approvals.slot("partner", "product_partner"), approvals.slot("r", "release_manager")
    )
    first = approvals.ask(here, policy=policy, packet={"what": "Ten percent.", "percent": 10})
    # Signed in by the form, where the link of the message led.
    phone.open(page_of(first))
    assert phone.path.startswith("/access/login/")
    phone.find("[name=email]").send_keys(pia.email)
    phone.find("[name=password]").send_keys(make.PASSWORD)
    phone.button("Sign in", "main").click()
    phone.arrive_under("/access/code/")
    phone.find("[name=code]").send_keys(make.code_for(device))
    phone.button("Continue", "main").click()
    packet = reverse("desk:packet", args=(first.uid,))
    phone.arrive(packet)
    fits(phone)
    # It changes while she writes: nothing is signed, and nothing is lost.
    phone.find("#apr-comment").send_keys("Seen and fine.")
    new = services.revise(first, {"what": "Ten percent.", "percent": 25}, actor=make.JOB,
                          vouched=True)  # fmt: skip
    phone.button("Approve", "main").click()
    phone.until(lambda: "Nothing was signed" in phone.text("main"))
    assert "25" in phone.text(".apr-moved")
    assert phone.find("#apr-comment").get_attribute("value") == "Seen and fine."
    fits(phone)
    phone.button("Approve", "main").click()
    phone.arrive(reverse("desk:packet", args=(new.uid,)))
    assert "You answered this" in phone.text("main")
    signed = Decision.objects.get()
    assert (signed.person, signed.sha256, signed.comment) == (pia, new.sha256, "Seen and fine.")
    # The other signs; both find it again.
    approvals.sign(approvals.now_of(new), make.actor(rita))
    phone.button("Signed", "body").click()
    phone.arrive("/desk/signed/")
    assert new.ref in phone.text("main")
    fits(phone)
    for path in ("/desk/", "/desk/you/", "/desk/away/", "/desk/missions/", "/desk/missions/new/"):
        phone.open(path)
        fits(phone)
        assert "Figures" not in phone.text(".tabs")  # of a house that is not hers
    phone.sign_in(make.client(rita))
    phone.open("/desk/figures/")
    fits(phone)
