#!/bin/sh
# Run once by an empty PostgreSQL: the owner of the tables, the portal's role and the reader.
# `manage.py prepare` grants them what they may do.
set -eu
psql -v ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
  -v owner="$CP_OWNER_PASSWORD" -v app="$CP_APP_PASSWORD" -v reader="$CP_READER_PASSWORD" <<'SQL'
CREATE ROLE cp_owner LOGIN CREATEDB CREATEROLE PASSWORD :'owner';
CREATE ROLE cp_app LOGIN PASSWORD :'app';
CREATE ROLE cp_reader LOGIN PASSWORD :'reader';
GRANT cp_app, cp_reader TO cp_owner WITH ADMIN OPTION;
CREATE DATABASE controlplane OWNER cp_owner;
REVOKE ALL ON DATABASE controlplane FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE controlplane TO cp_app, cp_reader;
SQL
