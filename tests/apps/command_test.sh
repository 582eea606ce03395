# What the tests of the command share; sourced with the command as first argument. Works in a folder
# of its own, which goes at the end. Every expectation is exact; the first that fails ends the test.
selfcure=$1
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work" || exit 1
# Kernel choices of this machine are not touched; processes of one test share theirs.
export XDG_CACHE_HOME=$work/cache

fail() { printf 'FAILED: %s\n--- stdout\n%s\n--- stderr\n%s\n' "$1" "$(cat out)" "$(cat err)"; exit 1; }
run() {  # expected exit code, arguments
  local expected=$1
  shift
  "$selfcure" "$@" >out 2>err
  local code=$?
  [ "$code" -eq "$expected" ] || fail "selfcure $*: expected exit code $expected, got $code"
}
says() { grep -qF -- "$1" "$2" || fail "expected '$1' in $2"; }
says_not() { ! grep -qF -- "$1" "$2" || fail "expected no '$1' in $2"; }
lines() { [ "$(wc -l <err)" -eq "$1" ] || fail "expected $1 lines on stderr"; }
