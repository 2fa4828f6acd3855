#!/bin/sh
cat >/dev/null
printf 'Content-Type: text/plain\r
\r
q'