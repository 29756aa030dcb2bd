#!/bin/sh
# Has Maven copy the Java libraries of pom.xml into a folder; at once if they are there already.
#
# usage: fetch.sh FOLDER
set -eu

folder=$1
here=$(cd "$(dirname "$0")" && pwd)
done="$folder/.fetched"

if [ -e "$done" ] && cmp -s "$here/pom.xml" "$done"; then
    exit 0
fi
for program in java mvn; do
    command -v "$program" >/dev/null || {
        echo "found no $program: install Java 17 and Maven, for example with" \
            "apt-get install openjdk-17-jdk-headless maven" >&2
        exit 3
    }
done
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
rm -f "$folder"/*.jar
mvn --batch-mode --quiet --file "$here/pom.xml" dependency:copy-dependencies \
    -DoutputDirectory="$folder" -DincludeScope=runtime
cp "$here/pom.xml" "$done"
