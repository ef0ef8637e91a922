from controlplane.privacy.api import compliance, people

urlpatterns = [*people.urlpatterns, *compliance.urlpatterns]
