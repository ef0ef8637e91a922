"""Every setting, from the environment, grouped by heading. Secrets default only in `local`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import environ

from controlplane.lib import places

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent
TESTING = "pytest" in sys.modules

# --- Which installation this is -------------------------------------------------------------

ENVIRONMENT: str = env.str("CONTROLPLANE_ENV", default="local")  # local | staging | production
STATE_DIR = Path(env.str("CONTROLPLANE_STATE_DIR", default=str(BASE_DIR / ".state")))
PUBLIC_URL: str = env.str("CONTROLPLANE_PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
VERSION = "1.0.0"
DEBUG = env.bool("DEBUG", default=False)
PRODUCTION = ENVIRONMENT == "production"

# --- Secrets: from the environment only; `up` makes its own under the state folder -----------

_LOCAL_SECRET = "local-only-" + "x" * 50 if not PRODUCTION else ""
SECRET_KEY: str = env.str("SECRET_KEY", default=_LOCAL_SECRET)
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
# Each key has one use; when unset it is derived from SECRET_KEY (lib.keys), so that one secret
# suffices to start and each can be rotated on its own later.
SIGNING_KEY: str = env.str("CONTROLPLANE_SIGNING_KEY", default="")
SIGNING_KEYS_OLD: list[str] = env.list("CONTROLPLANE_SIGNING_KEYS_OLD", default=[])
AUDIT_SEAL_KEY: str = env.str("CONTROLPLANE_AUDIT_SEAL_KEY", default="")
AUDIT_SEAL_KEYS_OLD: list[str] = env.list("CONTROLPLANE_AUDIT_SEAL_KEYS_OLD", default=[])
PSEUDONYM_KEY: str = env.str("CONTROLPLANE_PSEUDONYM_KEY", default="")
METRICS_TOKEN: str = env.str("CONTROLPLANE_METRICS_TOKEN", default="")
# When each secret was last changed ("SECRET_KEY=2026-10-01,..."): shown by age, never by value.
SECRETS_ROTATED: dict[str, str] = env.dict("CONTROLPLANE_SECRETS_ROTATED", default={})

# --- Web --------------------------------------------------------------------------------------

ALLOWED_HOSTS: list[str] = env.list(
    "ALLOWED_HOSTS", default=[] if PRODUCTION else ["127.0.0.1", "localhost", "[::1]", "testserver"]
)
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
ROOT_URLCONF = "controlplane.urls"
WSGI_APPLICATION = "controlplane.wsgi.application"
ASGI_APPLICATION = "controlplane.asgi.application"
APPEND_SLASH = False
TRUSTED_PROXIES: list[str] = env.list("CONTROLPLANE_TRUSTED_PROXIES", default=["127.0.0.1", "::1"])
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
HTTPS_ONLY = env.bool("CONTROLPLANE_HTTPS_ONLY", default=PRODUCTION)
SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_REDIRECT_EXEMPT = [r"^health$", r"^ready$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS_ONLY
SECURE_HSTS_PRELOAD = HTTPS_ONLY
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = HTTPS_ONLY
CSRF_COOKIE_SECURE = HTTPS_ONLY
SESSION_COOKIE_NAME = "__Host-cp_session" if HTTPS_ONLY else "cp_session"
CSRF_COOKIE_NAME = "__Host-cp_csrf" if HTTPS_ONLY else "cp_csrf"
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "controlplane.base.web.csrf_failure"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
FILE_UPLOAD_PERMISSIONS = 0o600

# --- Apps -------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "controlplane.console.apps.ConsoleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "controlplane.audit",
    "controlplane.access",
    "controlplane.jobs",
    "controlplane.base",
    "controlplane.notify",
    "controlplane.catalog",
    "controlplane.backups",
    "controlplane.oncall",
    "controlplane.work",
    "controlplane.approvals",
    "controlplane.privacy",
    "controlplane.console.apps.ConsoleConfig",
    "telemetry",
    "deployments",
    "deployments.flags",
    "missions",
    "missions.threads",
    "incidents",
]

MIDDLEWARE = [
    "controlplane.base.middleware.RequestContext",
    "controlplane.base.middleware.SecurityHeaders",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "controlplane.base.middleware.EitherSlash",
    "controlplane.base.middleware.BodyLimit",
    "controlplane.base.browsers.Sessions",
    "django.middleware.common.CommonMiddleware",
    "controlplane.base.browsers.Csrf",
    "controlplane.base.browsers.Users",
    "controlplane.base.browsers.SecondFactors",
    "controlplane.base.browsers.Messages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "controlplane.access.middleware.CurrentActor",
    "controlplane.base.middleware.Refusals",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "controlplane.base.web.page_context",
                "controlplane.console.shell.context",
            ],
        },
    },
]

# --- Database ---------------------------------------------------------------------------------
# DATABASE_URL is the application's role. DATABASE_OWNER_URL, where given, is the role that owns
# the tables: migrations, partitions and sealing use it, web processes never hold it.


def _database(url_name: str, *, pool: bool) -> dict[str, Any]:
    config: dict[str, Any] = dict(env.db_url(url_name))
    config["CONN_MAX_AGE"] = 0
    # What a pool hands out is looked at by the backend itself, mostly without a question.
    config["ENGINE"] = "controlplane.base.database"
    config["CONN_HEALTH_CHECKS"] = not pool
    options = config.setdefault("OPTIONS", {})
    options.setdefault("connect_timeout", 5)
    options.setdefault("keepalives_idle", 30)
    options.setdefault("tcp_user_timeout", 20_000)
    options.setdefault("application_name", "controlplane")
    statement_ms = env.int("CONTROLPLANE_STATEMENT_TIMEOUT_MS", default=15_000)
    options.setdefault(
        "options",
        f"-c statement_timeout={statement_ms} -c lock_timeout=4000"
        " -c idle_in_transaction_session_timeout=30000 -c jit=off -c timezone=UTC"
        # The sums of a dashboard's day fit into this; what PostgreSQL gives by itself spills.
        " -c work_mem=16MB"
        # A row with the seven it refers to: planned in every order it took ten times as long as
        # it ran. Past six tables the order that is written stands.
        " -c join_collapse_limit=6 -c from_collapse_limit=6"
        # What is prepared is planned once: for a message read, a plan made anew each time cost as
        # much as all the rest of it.
        " -c plan_cache_mode=force_generic_plan",
    )
    if pool:
        options["pool"] = {
            "min_size": env.int("CONTROLPLANE_POOL_MIN", default=1),
            "max_size": env.int("CONTROLPLANE_POOL_MAX", default=4),
            "timeout": env.float("CONTROLPLANE_POOL_TIMEOUT_S", default=2.0),
            "max_idle": 300,
        }
    if "TEST_DATABASE_NAME" in env.ENVIRON:
        config["TEST"] = {"NAME": env.str("TEST_DATABASE_NAME")}
    return config


DATABASES: dict[str, Any] = {}
if env.str("DATABASE_URL", default=""):
    DATABASES["default"] = _database(
        "DATABASE_URL", pool=env.bool("CONTROLPLANE_POOL", default=True)
    )
    if env.str("DATABASE_OWNER_URL", default=""):
        DATABASES["owner"] = _database("DATABASE_OWNER_URL", pool=False)
        DATABASES["owner"]["TEST"] = {"MIRROR": "default"}
else:
    # Commands that need no database (check, redact, doctor, up) still start.
    DATABASES["default"] = {"ENGINE": "django.db.backends.postgresql", "NAME": "controlplane"}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Broker -----------------------------------------------------------------------------------

REDIS_URL: str = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}

# --- People -----------------------------------------------------------------------------------

AUTH_USER_MODEL = "access.User"
AUTHENTICATION_BACKENDS = ["controlplane.access.backends.PasswordBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *PASSWORD_HASHERS]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
# The one visible switch: a second factor for everybody who enters the console.
REQUIRE_SECOND_FACTOR = env.bool("CONTROLPLANE_REQUIRE_MFA", default=True)
# Guesses are counted exactly by access.attempts; the library's own delay would only get in the
# way of whoever mistypes once.
OTP_TOTP_THROTTLE_FACTOR = 0
OTP_TOTP_ISSUER = env.str("CONTROLPLANE_NAME", default="Control plane")
# E-mail addresses are unique whatever their case, by a constraint on lower(email), which the
# check does not recognise. Django's own middleware against forged requests is there as
# `controlplane.base.browsers.Csrf`, which that check knows by its first name only.
SILENCED_SYSTEM_CHECKS = ["auth.W004", "security.W003"]
LOGIN_URL = "access:login"
LOGIN_REDIRECT_URL = "admin:index"
LOGOUT_REDIRECT_URL = "access:login"
SESSION_ENGINE = "controlplane.access.browser_sessions"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"

# --- Language, time, files --------------------------------------------------------------------

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("CONTROLPLANE_STATIC_ROOT", default=str(STATE_DIR / "static")))
STATICFILES_DIRS: list[Path] = []
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(STATE_DIR / "files"), "file_permissions_mode": 0o600},
    },
    # Evidence of missions: its own place, which may be a bucket.
    "evidence": places.storage(
        env.str("CONTROLPLANE_EVIDENCE_STORAGE", default=""), STATE_DIR / "evidence"
    ),
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if TESTING
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = TESTING or not PRODUCTION
# Tests collect no files: looked up when asked for, a missing folder is no warning.
WHITENOISE_AUTOREFRESH = TESTING

# --- API --------------------------------------------------------------------------------------

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["controlplane.base.api.auth.PortalAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["controlplane.base.api.auth.SignedIn"],
    "DEFAULT_PARSER_CLASSES": ["controlplane.base.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_THROTTLE_CLASSES": ["controlplane.base.api.throttles.PortalThrottle"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "controlplane.base.api.schema.PortalSchema",
    "EXCEPTION_HANDLER": "controlplane.base.api.errors.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Control plane API",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v[0-9]+",
    # Choices stay where they are used: shared enum components get names that change.
    "POSTPROCESSING_HOOKS": [],
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "sdkToken": {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "An SDK token, plain or as `Bearer`; OFREP takes it in `X-API-Key`.",
            },
            "oauthClient": {
                "type": "http",
                "scheme": "basic",
                "description": "A key: its prefix as the client's id, the rest as its secret.",
            },
        }
    },
}

# --- Mail -------------------------------------------------------------------------------------

EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Control plane <portal@localhost>")
EMAIL_TIMEOUT = 10

# --- Outward sign of life ----------------------------------------------------------------------
# Asked for every minute while the portal is well; whoever listens there notices the silence.

DEADMAN_URL: str = env.str("CONTROLPLANE_DEADMAN_URL", default="")

# --- Outgoing calls ---------------------------------------------------------------------------
# Host names, addresses or networks that outgoing calls may reach although they are private.

OUTGOING_ALLOW: list[str] = env.list("CONTROLPLANE_OUTGOING_ALLOW", default=[])

# --- Logs -------------------------------------------------------------------------------------

LOG_LEVEL: str = env.str("CONTROLPLANE_LOG_LEVEL", default="INFO")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "controlplane.lib.logs.JsonFormatter"}},
    "filters": {"no_readiness": {"()": "controlplane.lib.logs.NotReadiness"}},
    "handlers": {"stdout": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stdout"], "level": LOG_LEVEL},
    "loggers": {
        "django.request": {"level": "ERROR", "filters": ["no_readiness"]},
        "django.server": {"level": "ERROR"},
        "django.security": {"level": "WARNING"},
        # One line for each tick would be two a second for ever; job runs stand in their rows.
        "celery.beat": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
    },
}
