#!/bin/sh
# Makes the secrets that compose.yaml needs, once: files in deploy/secrets that are not there yet.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets

new() { LC_ALL=C tr -dc 'A-Za-z0-9' </dev/urandom | head -c "$2" >"secrets/$1"; }
for name in postgres_password redis_password grafana_password augury_admin_password augury_metrics_token; do
    [ -s "secrets/$name" ] || new "$name" 32
done
[ -s secrets/augury_secret_key ] || new augury_secret_key 64
[ -s secrets/augury_database_url ] ||
    printf 'postgresql://augury:%s@postgres:5432/augury' "$(cat secrets/postgres_password)" >secrets/augury_database_url
[ -s secrets/augury_broker_url ] ||
    printf 'redis://:%s@redis:6379/0' "$(cat secrets/redis_password)" >secrets/augury_broker_url

# Containers see them as these files, under numbers of users that this machine may not have; the
# folder is what keeps others on this machine out.
chmod 0444 secrets/*
echo "Secrets are in $(pwd)/secrets. Keep a copy: without augury_secret_key nobody stays signed in."
echo "The first administrator is 'admin', with the password in augury_admin_password."
