#!/bin/sh
printf 'Content-Type: text/plain\r
\r
q'