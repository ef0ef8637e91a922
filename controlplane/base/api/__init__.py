"""The API base. Routes are written with `views`, `serializers`, `plain`: docs/api-base.md."""
