from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import IsAuthenticated


class PortalAuthentication(SessionAuthentication):
    pass


class SignedIn(IsAuthenticated):
    pass
