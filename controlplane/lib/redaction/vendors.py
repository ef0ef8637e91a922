"""Shapes of tokens whose makers gave them a prefix.

One alternation, grouped by first characters. A prefix alone is not enough: `sk-learn` and
`pk_constraint_users` have one too, so lengths and `checks.looks_random` decide.
"""

from __future__ import annotations

# Long, unmistakable shapes.
_CERTAIN = (
    rb"cp_[a-z]{1,11}_[0-9A-Za-z]{8}_[0-9A-Za-z]{40,}",  # our own
    # clouds
    rb"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",
    rb"AIza[A-Za-z0-9_-]{30,}",
    rb"ya29\.[A-Za-z0-9_-]{16,}",
    rb"1//0[A-Za-z0-9_-]{24,}",
    rb"GOCSPX-[A-Za-z0-9_-]{20,}",
    rb"do[oprt]_v1_[a-f0-9]{40,}",
    rb"LTAI[A-Za-z0-9]{12,24}",
    rb"HRKU-[A-Za-z0-9_-]{30,}",
    rb"FlyV1 fm[0-9]_[A-Za-z0-9+/=,_-]{40,}|fo1_[A-Za-z0-9_-]{30,}",
    # code and packages
    rb"gh[pousr]_[A-Za-z0-9]{20,}",
    rb"github_pat_[A-Za-z0-9_]{20,}",
    rb"gl(?:pat|dt|rt|oas|ptt|ft|imt|soat|cbt|agent)-[A-Za-z0-9_.-]{16,}",
    rb"npm_[A-Za-z0-9]{24,}",
    rb"pypi-[A-Za-z0-9_-]{24,}",
    rb"rubygems_[a-f0-9]{32,}",
    rb"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}",
    rb"cio[A-Za-z0-9]{32}",
    rb"ATATT3[A-Za-z0-9_=-]{40,}|ATCTT3[A-Za-z0-9_=-]{40,}",
    rb"PMAK-[a-f0-9]{24}-[a-f0-9]{34}",
    rb"figd_[A-Za-z0-9_-]{24,}",
    rb"lin_(?:api|oauth)_[A-Za-z0-9]{24,}",
    rb"ntn_[A-Za-z0-9]{30,}",
    rb"sntr(?:ys|yu)_[A-Za-z0-9_=+/-]{40,}",
    # messages
    rb"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}",
    rb"xapp-[0-9]-[A-Z0-9]+-[0-9]+-[a-z0-9]{20,}",
    rb"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/]{20,}",
    rb"discord(?:app)?\.com/api/webhooks/[0-9]{15,}/[A-Za-z0-9_-]{40,}",
    rb"[A-Za-z0-9.-]+\.webhook\.office\.com/webhookb2/[A-Za-z0-9@/-]{40,}",
    rb"[0-9]{8,10}:AA[A-Za-z0-9_-]{32,}",
    rb"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",
    rb"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    rb"key-[a-f0-9]{32}",
    rb"[a-f0-9]{32}-us[0-9]{1,2}",
    rb"SK[a-f0-9]{32}",
    rb"re_[A-Za-z0-9]{8,}_[A-Za-z0-9]{20,}",
    # money
    rb"(?:sk|pk|rk)_(?:live|test|prod|sandbox)_[A-Za-z0-9_]{8,}",
    rb"whsec_[A-Za-z0-9+/=]{16,}",
    rb"shp(?:at|ca|pa|ss|tka)_[a-fA-F0-9]{32}",
    rb"sq0[a-z]{3}-[A-Za-z0-9_-]{20,}",
    rb"EAAA[A-Za-z0-9_-]{56,}|EAA[A-Za-z0-9]{90,}",
    rb"access_token\$(?:production|sandbox)\$[a-z0-9]{16}\$[a-f0-9]{32}",
    # models
    rb"sk-(?:ant|or|proj|svcacct|admin|lf|None)-[A-Za-z0-9_-]{12,}",
    rb"hf_[A-Za-z0-9]{24,}",
    rb"r8_[A-Za-z0-9]{24,}",
    rb"gsk_[A-Za-z0-9]{32,}",
    rb"xai-[A-Za-z0-9_-]{32,}",
    rb"pplx-[A-Za-z0-9]{32,}",
    rb"ls(?:v2)?_(?:pt|sk)_[a-f0-9_]{32,}|ls__[a-f0-9]{32}",
    # infrastructure
    rb"hv[sbr]\.[A-Za-z0-9_-]{20,}",
    rb"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{50,}",
    rb"gl(?:sa|c)_[A-Za-z0-9_+/=-]{24,}",
    rb"NR(?:AK|AA|II|JS|IQ|BR|RA)-[A-Za-z0-9_-]{16,}",
    rb"dapi[a-f0-9]{32}",
    rb"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{32,}",
    rb"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{30,}",
    rb"sbp_[a-f0-9]{40}|sb_secret_[A-Za-z0-9_-]{20,}",
    rb"AGE-SECRET-KEY-1[0-9A-Z]{40,}",
    rb"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}",
    rb"phx_[A-Za-z0-9]{32,}|tskey-[a-z]+-[A-Za-z0-9-]{16,}|sl\.[A-Za-z0-9_-]{100,}",
)
# Shapes that words share: the check must find digits and letters mixed.
_MAYBE = (
    rb"(?:sk|pk|rk)[-_][A-Za-z0-9]{16,}",
    rb"[A-Za-z][A-Za-z0-9]{1,11}[_-](?:live|prod|secret|key|pat|token|apikey|sk)[_-][A-Za-z0-9]{16,}",
    rb"[A-Za-z][A-Za-z0-9]{1,11}_(?:live|test|prod|secret|key|pat|token|apikey|sk)_[A-Za-z0-9]{16,}",
)
CERTAIN = b"(?:" + b"|".join(_CERTAIN) + b")"
MAYBE = b"(?:" + b"|".join(_MAYBE) + b")"
