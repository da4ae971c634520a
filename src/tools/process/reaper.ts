/**
 * A parent for a command's program, to which everything that the program starts comes back: a process whose own parent
 * ends is given to the nearest "subreaper" above it, whatever it did to its session, its environment and its limits. When
 * the program has ended, or the worker was killed, the reaper ends what is left and then ends as the program did.
 *
 * It is a few lines of Perl, which every Debian has: Node has no such system call, and Perl starts in two milliseconds.
 */
import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { arch } from "node:os"

const perl = "/usr/bin/perl"

/** The number of `prctl` by architecture, as Node names them. */
const prctl: Readonly<Record<string, number>> = { x64: 157, arm64: 167 }

/** Milliseconds between TERM and KILL for what a program left in the background. */
const graceOfLeftovers = 200

const source = String.raw`
use strict;
my ($prctl, $grace) = (shift(@ARGV) + 0, shift(@ARGV) / 1000);
# 36 is PR_SET_CHILD_SUBREAPER.
if (syscall($prctl, 36, 1, 0, 0, 0) != 0) { exec { $ARGV[0] } @ARGV or exit 127 }
# 1 is PR_SET_PDEATHSIG, 30 is PWR: when the worker is killed, the wait below ends and what runs here is ended. Perl goes on with a
# wait that a handler returned from.
my $waiting = 0;
$SIG{PWR} = sub { die if $waiting };
syscall($prctl, 1, 30, 0, 0, 0);
my @deaf = qw(HUP INT QUIT TERM USR1 USR2 ALRM);
$SIG{$_} = 'IGNORE' for @deaf;
my $pid = fork;
if (!defined $pid) { $SIG{$_} = 'DEFAULT' for @deaf; exec { $ARGV[0] } @ARGV or exit 127 }
if ($pid == 0) {
  $SIG{$_} = 'DEFAULT' for @deaf, 'PWR';
  setpgrp(0, 0);
  exec { $ARGV[0] } @ARGV or exit 127;
}
close STDIN; close STDOUT; close STDERR;
if (open(my $result, '>&=', 3)) { close $result }
my $status = 0;
eval {
  $waiting = 1;
  while ((my $ended = waitpid(-1, 0)) != -1) { if ($ended == $pid) { $status = $?; last } }
};
$waiting = 0;
sub children {
  if (open(my $list, '<', "/proc/self/task/$$/children")) { return split ' ', <$list> // '' }
  opendir(my $proc, '/proc') or return ();
  return grep {
    my $found = 0;
    if (/^\d+$/ && open(my $stat, '<', "/proc/$_/stat")) {
      my $line = <$stat> // '';
      $found = $line =~ /\) . (\d+) [^)]*$/ && $1 == $$;
    }
    $found;
  } readdir $proc;
}
my ($sent, $waited) = ('', 0);
while (1) {
  my $ended = waitpid(-1, 1);
  last if $ended == -1;
  next if $ended > 0;
  my $signal = $waited < $grace ? 'TERM' : 'KILL';
  if ($signal eq 'KILL' || $sent ne $signal) { kill $signal, $_ for children(); kill 'CONT', $_ for children() }
  $sent = $signal;
  select(undef, undef, undef, 0.005);
  $waited += 0.005;
  # What no signal ends is the worker's to report.
  last if $waited > 10;
}
my $number = $status & 127;
if ($number != 0) {
  my @names = split ' ', 'ZERO HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM';
  my $name = $names[$number] // '';
  $SIG{$name} = 'DEFAULT' if $name ne '' && $name ne 'KILL';
  kill $number, $$;
  sleep 1;
}
exit($status >> 8);
`

/** What stands before a program's own words; undefined where no reaper works. */
export type Reaper = readonly [string, ...Array<string>] | undefined

export const findReaper = (): Reaper => {
  const number = prctl[arch()]
  if (process.platform !== "linux" || number === undefined || !existsSync(perl)) return undefined
  try {
    execFileSync(
      perl,
      ["-e", "exit(syscall(shift(@ARGV) + 0, 36, 1, 0, 0, 0) == 0 ? 0 : 1)", String(number)],
      {
        env: {},
        stdio: "ignore"
      }
    )
    return [perl, "-e", source, String(number), String(graceOfLeftovers)]
  } catch {
    return undefined
  }
}
