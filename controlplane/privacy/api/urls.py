from controlplane.privacy.api import compliance, holds, people

urlpatterns = [*people.urlpatterns, *holds.urlpatterns, *compliance.urlpatterns]
