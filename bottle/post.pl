# One call of the forge: post.pl NECK COMMAND [NAME=VALUE]... < BODY. Exit 0 ok, 3 out of scope, 1 anything else.
use strict;
use warnings;
use Socket;

my ($base, $command, @query) = @ARGV;
$SIG{PIPE} = 'IGNORE';
$SIG{ALRM} = sub { fail('the neck did not answer within 300 s') };
sub fail { print STDERR "forge: $_[0]\n"; exit 1 }

sub encode { my ($text) = @_; $text =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ge; return $text }

my ($host, $port, $prefix) = $base =~ m{^http://([^/:]+):(\d+)(/.*?)?/?$} or fail('BOT_BOTTLE_NECK is not an http URL');
$prefix = '' unless defined $prefix;
my $target = "$prefix/forge/$command?" . join '&', map { my ($name, $value) = split /=/, $_, 2; "$name=" . encode($value) } @query;
my $body = do { local $/; binmode STDIN; <STDIN> };
$body = '' unless defined $body;

alarm 300;
my $address = inet_aton($host) or fail("no such host: $host");
my $neck;
socket $neck, PF_INET, SOCK_STREAM, 0 and connect $neck, pack_sockaddr_in($port, $address)
  or fail('the neck does not answer');
my $request = "POST $target HTTP/1.0\r\nHost: $host:$port\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "
  . length($body) . "\r\n\r\n$body";
while (length $request) {
  my $put = syswrite $neck, $request;
  last unless $put;
  substr($request, 0, $put) = '';
}
my $answer = '';
1 while sysread $neck, $answer, 65536, length $answer;

my ($head, $text) = split /\r\n\r\n/, $answer, 2;
my ($status) = ($head || '') =~ m{^HTTP/1\.[01] (\d+)} or fail('the neck did not answer');
$text = '' unless defined $text;
fail('the answer was cut off') if $head =~ /^content-length: *(\d+)/im && length $text < $1;
binmode STDOUT;
if ($status == 200) { print $text; exit 0 }
$text = "the neck answered $status" if $text eq '';
print STDERR $text =~ /\n\z/ ? $text : "$text\n";
exit($status == 403 ? 3 : 1);
