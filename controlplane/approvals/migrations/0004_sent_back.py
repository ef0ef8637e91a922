from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [('approvals', '0003_comments')]

    operations = [
        migrations.AddIndex(
            model_name='request',
            index=models.Index(condition=models.Q(('status__in', ['changes_requested', 'rejected', 'expired'])), fields=['requested_by_ref', '-closed_at'], name='approval_sent_back'),
        ),
    ]
