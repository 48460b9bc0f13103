# TCP 127.0.0.1:PORT to the neck's socket, in one process: forwarder.pl SOCKET PORT. Prints "ready" once the neck has answered.
use strict;
use warnings;
use Errno qw(EAGAIN EINTR);
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use Socket qw(:DEFAULT IPPROTO_TCP TCP_NODELAY);

my ($path, $port) = @ARGV;
my $PIECE = 65536;
my $FULL = 262144;      # bytes that wait for a slow reader before its writer is left waiting
my $MOST = 400;         # connections at once: select() holds 1024 descriptors
my $RETRY_FOR = 10;     # seconds that a caller waits for a sidecar on its way back
$SIG{PIPE} = 'IGNORE';

sub leave { syswrite STDOUT, "neck: $_[0]\n"; exit 1 }
sub unblock { fcntl $_[0], F_SETFL, fcntl($_[0], F_GETFL, 0) | O_NONBLOCK }

sub neck {
  socket my $socket, PF_UNIX, SOCK_STREAM, 0 or return;
  unblock($socket);
  return connect($socket, pack_sockaddr_un($path)) ? $socket : undef;
}

sub healthy {
  my $socket = neck() or return 0;
  syswrite $socket, "GET /healthz HTTP/1.0\r\nHost: neck\r\n\r\n" or return 0;
  my $ready = '';
  vec($ready, fileno $socket, 1) = 1;
  select($ready, undef, undef, 2) or return 0;
  sysread $socket, my $answer, 64 or return 0;
  return $answer =~ m{^HTTP/1\.[01] 200 };
}

socket my $server, PF_INET, SOCK_STREAM, 0 or leave("no TCP: $!");
setsockopt $server, SOL_SOCKET, SO_REUSEADDR, 1;
bind $server, pack_sockaddr_in($port, INADDR_LOOPBACK) and listen $server, 128
  or leave("cannot listen on 127.0.0.1:$port: $!");
unblock($server);

my $until = time + 30;
until (healthy()) {
  leave('the neck did not answer within 30 s') if time > $until;
  select undef, undef, undef, 0.02;
}
syswrite STDOUT, "ready\n";
open STDOUT, '>', '/dev/null';
open STDERR, '>', '/dev/null';

# A pair is [caller, neck]; a side has: fh, what is still to be sent to it (out), whether it has ended (eof), and
# whether it is sent nothing more (shut). A side that broke has ended and is sent nothing more; the other is sent
# all that came before, and a caller is held until it has ended: an early answer must reach one that still writes.
my %pairs;
my $number = 0;
my ($idle, $idle_next) = (undef, 0);

sub side { return { fh => $_[0], out => '', eof => 0, shut => 0 } }

sub drop { my $pair = delete $pairs{$_[0]}; $_->{fh} and close $_->{fh} for @{ $pair->{sides} } }

sub dial {
  my ($id, $now) = @_;
  my $pair = $pairs{$id};
  if (my $fh = neck()) { $pair->{sides}[1]{fh} = $fh }
  elsif ($now > $pair->{until}) { drop($id) }
}

sub pull {
  my ($from, $to) = @_;
  my $bytes;
  my $got = sysread $from->{fh}, $bytes, $PIECE;
  if ($got) { $to->{out} .= $bytes unless $to->{shut} }
  elsif (defined $got || !($!{EAGAIN} || $!{EINTR})) { $from->{eof} = 1 }
}

sub push_out {
  my ($to) = @_;
  my $put = syswrite $to->{fh}, $to->{out};
  if (defined $put) { substr($to->{out}, 0, $put) = '' }
  elsif (!($!{EAGAIN} || $!{EINTR})) { $to->{out} = ''; $to->{shut} = 1 }
}

while (1) {
  my $now = time;
  if (!$idle && $now >= $idle_next) { $idle = neck(); $idle_next = $now + 1 }

  my ($read, $write, $dialling) = ('', '', !$idle);
  vec($read, fileno $server, 1) = 1 if keys %pairs < $MOST;
  vec($read, fileno $idle, 1) = 1 if $idle;
  for my $id (keys %pairs) {
    dial($id, $now) unless $pairs{$id}{sides}[1]{fh};
    my $pair = $pairs{$id} or next;
    my @sides = @{ $pair->{sides} };
    if (!$sides[1]{fh}) { $dialling = 1; next }
    for my $i (0, 1) {
      my ($me, $other) = @sides[$i, 1 - $i];
      vec($read, fileno $me->{fh}, 1) = 1 if !$me->{eof} && length $other->{out} < $FULL;
      vec($write, fileno $me->{fh}, 1) = 1 if length $me->{out};
    }
  }

  select($read, $write, undef, $dialling ? 0.1 : undef) < 0 and next;

  if ($idle && vec($read, fileno $idle, 1)) {
    my $ignored;
    if (!sysread $idle, $ignored, $PIECE) { close $idle; $idle = undef }
  }
  for my $id (keys %pairs) {
    my @sides = @{ $pairs{$id}{sides} };
    next unless $sides[1]{fh};
    for my $i (0, 1) {
      pull($sides[$i], $sides[1 - $i]) if vec($read, fileno $sides[$i]{fh}, 1);
    }
    for my $i (0, 1) {
      my ($me, $other) = @sides[$i, 1 - $i];
      push_out($me) if length $me->{out};
      if ($other->{eof} && !length $me->{out} && !$me->{shut}) { shutdown $me->{fh}, 1; $me->{shut} = 1 }
    }
    drop($id) if $sides[0]{eof} && $sides[0]{shut} && $sides[1]{shut};
  }
  if (vec($read, fileno $server, 1) && accept my $caller, $server) {
    unblock($caller);
    setsockopt $caller, IPPROTO_TCP, TCP_NODELAY, 1;
    $pairs{ ++$number } = { sides => [side($caller), side(undef)], until => $now + $RETRY_FOR };
  }
}
