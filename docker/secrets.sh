#!/bin/sh
# Make the composition's passwords, once.  The directory keeps others on this machine out; the files themselves can be read by
# all, because the containers' users are not this machine's.
set -eu
directory=${1:-$(dirname "$0")/secrets}
umask 077
mkdir -p "$directory"
for name in kafka_admin kafka_controller postgresql; do
    if [ ! -e "$directory/$name" ]; then
        od -An -N 24 -t x1 /dev/urandom | tr -d ' \n' > "$directory/$name"
        chmod 0444 "$directory/$name"
    fi
done
