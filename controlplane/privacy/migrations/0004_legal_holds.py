"""Legal holds. What one is on never changes, it is lifted once, and it stays on record."""

import controlplane.lib.clock
import controlplane.lib.ids
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

STAYS = """
CREATE TRIGGER legal_hold_is_kept BEFORE DELETE ON privacy_legalhold
    FOR EACH ROW EXECUTE FUNCTION privacy_stays();
CREATE TRIGGER legal_hold_stays
    BEFORE UPDATE OF uid, workspace_id, kind, slug, ref, about, person_id, reason, placed_by, placed_at
    ON privacy_legalhold FOR EACH ROW EXECUTE FUNCTION privacy_stays();
CREATE TRIGGER legal_hold_lifted_once BEFORE UPDATE ON privacy_legalhold
    FOR EACH ROW WHEN (OLD.lifted_at IS NOT NULL) EXECUTE FUNCTION privacy_stays();
"""
GOES = """
DROP TRIGGER legal_hold_lifted_once ON privacy_legalhold;
DROP TRIGGER legal_hold_stays ON privacy_legalhold;
DROP TRIGGER legal_hold_is_kept ON privacy_legalhold;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0002_agents_owners_before'),
        ('privacy', '0003_evidence_of_controls'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='LegalHold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('kind', models.CharField(choices=[('everything', 'Everything of the workspace'), ('class', 'One kind of data'), ('record', 'An incident, a ticket or a thread'), ('person', 'A person'), ('installation', 'The whole installation')], max_length=12)),
                ('slug', models.CharField(blank=True, max_length=80)),
                ('ref', models.CharField(blank=True, max_length=16)),
                ('about', models.CharField(blank=True, editable=False, max_length=120)),
                ('reason', models.CharField(max_length=500)),
                ('placed_by', models.CharField(editable=False, max_length=80)),
                ('placed_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('lifted_at', models.DateTimeField(editable=False, null=True)),
                ('lifted_by', models.CharField(blank=True, editable=False, max_length=80)),
                ('lift_reason', models.CharField(blank=True, editable=False, max_length=500)),
                ('person', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
            ],
            options={
                'verbose_name': 'legal hold',
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('lifted_at', None)), fields=('workspace', 'kind', 'slug', 'ref', 'person'), name='legal_hold_stands_once', nulls_distinct=False), models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='legal_hold_says_why'), models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ('everything', 'installation')), ('person', None), ('ref', ''), ('slug', '')), models.Q(('kind', 'class'), ('person', None), ('ref', ''), models.Q(('slug', ''), _negated=True)), models.Q(('kind', 'record'), ('person', None), ('slug', ''), models.Q(('ref', ''), _negated=True), models.Q(('about', ''), _negated=True)), models.Q(('kind', 'person'), ('person__isnull', False), ('ref', ''), ('slug', '')), _connector='OR'), name='legal_hold_is_on_something'), models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ('class', 'installation')), ('workspace', None)), models.Q(('workspace__isnull', False), models.Q(('kind', 'installation'), _negated=True)), _connector='OR'), name='legal_hold_is_somewhere'), models.CheckConstraint(condition=models.Q(models.Q(('lift_reason', ''), ('lifted_at', None), ('lifted_by', '')), models.Q(('lifted_at__isnull', False), models.Q(('lifted_by', ''), _negated=True), models.Q(('lift_reason', ''), _negated=True)), _connector='OR'), name='legal_hold_lifted_by_somebody')],
            },
        ),
        migrations.RunSQL(STAYS, GOES),
    ]
