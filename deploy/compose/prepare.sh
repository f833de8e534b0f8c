#!/usr/bin/env bash
# Makes what compose.yaml reads from ./secrets, where it is not there yet: passwords, the server's signing key, and a certificate for localhost.
# For other names put a certificate of your own there (tls-cert.pem, tls-key.pem) and both in tls-bundle.pem.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
umask 077
mkdir -p secrets models
make() { [[ -e secrets/$1 ]] || "${@:2}" > "secrets/$1"; }
random() { openssl rand -hex 24; }
credentials() { printf '[default]\naws_access_key_id = he-compile\naws_secret_access_key = %s\n' "$(random)"; }
make database-password random
make object-store-credentials credentials
make server-key.pem openssl genpkey -algorithm ed25519
if [[ ! -e secrets/tls-cert.pem ]]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout secrets/tls-key.pem -out secrets/tls-cert.pem
fi
make tls-bundle.pem cat secrets/tls-cert.pem secrets/tls-key.pem
# Containers read them as their own users.
chmod 0755 secrets && chmod 0644 secrets/*
