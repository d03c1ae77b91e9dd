#!/usr/bin/env bash
# The demo's scan. `make demo` runs it while the local AWS is up; its address is in POSTURE_ENDPOINT_URL.
set -euo pipefail

out=$1
# The local AWS takes any credentials for the organization's management account. Nothing of the person
# who runs the demo may leak into it.
export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true
unset AWS_PROFILE AWS_SESSION_TOKEN AWS_REGION AWS_DEFAULT_REGION

status=0
"${CARGO_TARGET_DIR:-target}/debug/posture" scan \
  --endpoint-url "$POSTURE_ENDPOINT_URL" \
  --org --role-name PostureScan \
  --region us-east-1,eu-west-1 --last-accessed \
  -o table -o "json=$out/report.json" -o "html=$out/report.html" --snapshot "$out/snapshot" || status=$?

# 1: findings, which were planted. 3: the emulator does not offer every call, and posture says so
# instead of passing what it could not read; the report lists them. Anything else is a failure.
case $status in
  0 | 1 | 3) printf '\nreport: %s\nin a browser: %s\nsnapshot: %s\nplanted: %s\n' "$out/report.json" "$out/report.html" "$out/snapshot" "$out/planted.json" ;;
  *) printf 'demo: posture ended with status %s; the server log is in %s\n' "$status" "$out/server.log" >&2; exit "$status" ;;
esac
