require "json"
patterns = %w|
  refs/heads/press-play/** refs/heads/press-play/**/* refs/heads/press-play/* refs/heads/press-play/*/* refs/heads/press-play/context/run-*
  refs/heads/** refs/heads/**/* refs/heads/* refs/** refs/**/* ** **/* * */*/* refs/heads/main refs/heads/Main
  refs/heads/**/main refs/heads/a/**/b refs/heads/a/**/**/b refs/heads/a**/b refs/heads/a/**b refs/heads/**a refs/heads/qa**/**/* refs/heads/qa/* refs/heads/qa/**/*
  refs/heads/release-? refs/heads/release-?? refs/heads/release-[0-9] refs/heads/release-[0-9a-c] refs/heads/release-[!0-9] refs/heads/release-[^0-9]
  refs/heads/release-[9-0] refs/heads/release-[] refs/heads/release-[!] refs/heads/release-[0- refs/heads/release-[-1] refs/heads/release-[1-]
  refs/heads/a[/]b refs/heads/a[!x]b refs/heads/a?b refs/heads/[a-z] refs/heads/[a-z]*
  refs/heads/{main,dev} refs/heads/{main} refs/heads/.* refs/heads/*.x refs/heads/[.]x refs/heads/?x refs/heads/**/.x refs/heads/.x/* refs/heads/.*/*
  refs/heads/a*b*c refs/heads/*a*a refs/heads/a/*/c refs/heads/a/?/c refs/heads/a/ refs/heads//a refs/heads/a/**/ refs/heads/feature/**/*-implementation
  refs/heads/é* refs/heads/? refs/heads/+ refs/heads/a.b refs/heads/a+b refs/heads/[]a] refs/heads/x]
|
patterns += ["", "refs/heads/a/***/b", "refs/heads/a/***", "refs/heads/***/b", "refs/heads/a\\*b", "refs/heads/a\\/b", "refs/heads/[\\]]", "refs/heads/a\\"]
refs = %w|
  refs/heads/press-play refs/heads/press-play/x refs/heads/press-play/context/run-1 refs/heads/press-play/context/run-1/x refs/heads/press-play/context/snapshot-0a
  refs/heads/press-play-x refs/heads/xpress-play/context/run-1 refs/tags/press-play/context/run-1
  refs/heads/main refs/heads/Main refs/heads/dev refs/heads/{main,dev} refs/heads/{main} refs/heads/a/main refs/heads/a/b/main
  refs/heads/a refs/heads/b refs/heads/ab refs/heads/a/b refs/heads/a/x/b refs/heads/a/x/y/b refs/heads/ax/b refs/heads/a/xb refs/heads/a/c refs/heads/a/b/c refs/heads/a/bb/c
  refs/heads/qa refs/heads/qa/foo refs/heads/qa/foo/bar refs/heads/qa/foo/bar/foobar/hello-world refs/heads/qaz/foo refs/heads/qaz/foo/bar refs/heads/qa-1
  refs/heads/release-1 refs/heads/release-12 refs/heads/release-b refs/heads/release-/ refs/heads/release-- refs/heads/release-] refs/heads/release-[ refs/heads/release-
  refs/heads/axb refs/heads/a.b refs/heads/a+b refs/heads/a*b refs/heads/.x refs/heads/.x/y refs/heads/a/.x refs/heads/a/.x/b refs/heads/x.x refs/heads/x
  refs/heads/aXbXc refs/heads/abc refs/heads/acb refs/heads/aa refs/heads/a/ refs/heads//a refs/heads/é refs/heads/éa refs/heads/+ refs/heads/] refs/heads/x] refs/heads/[]a]
  refs/heads/feature/task-1-implementation refs/heads/feature/x/task-1-implementation refs refs/heads
|
dice = Random.new(7)
drawn = ->(alphabet, most) { Array.new(1 + dice.rand(most)) { alphabet.sample(random: dice) }.join }
small = 400.times.map { drawn.(["a", "b", "/", "*", "**", "**/", "/**", "?", "[ab]", "[!a]", "[a-c]", ".", "]", "[", "-", "{a,b}"], 6) }.uniq
short = 150.times.map { drawn.(["a", "b", "c", "/", "/", ".", "-", "]", "{a,b}"], 6) }.uniq
table = ->(ps, rs) { { "refs" => rs, "matches" => ps.uniq.to_h { |p| [p, rs.each_index.select { |i| File.fnmatch(p, rs[i], File::FNM_PATHNAME) }] } } }
note = "What Ruby #{RUBY_VERSION} answers to File.fnmatch(pattern, ref, File::FNM_PATHNAME): for each pattern the places of the refs that it matches. Made by tests/data/refs/fnmatch.rb."
def lines(table)
  "{\"refs\": #{JSON.generate(table["refs"])},\n\"matches\": {\n" + table["matches"].map { |p, m| "#{JSON.generate(p)}: #{JSON.generate(m)}" }.join(",\n") + "}}"
end
puts "{\"note\": #{JSON.generate(note)},\n\"written\": #{lines(table.(patterns, refs))},\n\"drawn\": #{lines(table.(small, short))}}"
