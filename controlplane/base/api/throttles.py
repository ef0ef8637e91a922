from rest_framework.throttling import BaseThrottle


class PortalThrottle(BaseThrottle):
    def allow_request(self, request, view):
        return True
