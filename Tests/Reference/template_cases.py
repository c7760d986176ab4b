"""Small templates, each for one rule of jinja2, with which make_template_fixtures.py fills expressions.json."""

VARIABLES = {
    "a": 1, "b": 2.5, "n": None, "t": True, "f": False, "s": "Hello World", "e": "", "u": "Zürich 日本 🎉 e\u0301",
    "l": [3, 1, 2], "w": ["b", "A", "c", "a"], "d": {"x": 1, "y": "two", "items": 5, "z": None},
    "m": [{"role": "user", "content": "hi", "n": 2}, {"role": "bot", "content": "<yo> & 'you'", "n": 1}, {"role": "User", "n": 3}],
    "deep": {"a": {"b": [{"c": "found"}]}, "list": [[1, 2], [3]]}, "q": "it's \"q\"", "k": "  pad\t\n",
    "lines": "one\n\ntwo\r\nthree\u2028four\n", "csv": "a,b,,c", "num": "42", "fl": "3.75", "empty": [], "ed": {},
}

EXPRESSIONS = r"""
1 + 2 * 3 - 4 / 2
7 // 2 ~ ' ' ~ (-7) // 2 ~ ' ' ~ 7 % 3 ~ ' ' ~ (-7) % 3 ~ ' ' ~ 7 % -3
7.5 // 2 ~ ' ' ~ -7.5 % 2 ~ ' ' ~ 7.5 % -2
2 ** 10 ~ ' ' ~ 2 ** -1 ~ ' ' ~ 2.0 ** 0.5
2 ** 3 ** 2
-2 ** 2
1 / 3
10 / 5
1 / 0
1 // 0
1 % 0
1.0 / 0
true + true
t + 1.5
'a' * 3
3 * 'ab'
'a' * -1
[1, 2] * 2
[1] + [2]
(1,) + (2, 3)
[1] + (2,)
'a' + 1
1 + 'a'
1 ~ 'a' ~ none ~ true ~ 2.0 ~ [1]
missing + 1
missing ~ 'x'
missing
missing.x
missing['x']
missing()
d.missing
d.missing.x
d['missing']
d['x'] ~ d.y
d.items
d.items()
d['items']
d.keys() | list
d.values() | list
d.get('x') ~ d.get('nope') ~ d.get('nope', 7)
d.get()
d.pop('x')
d.update({})
d.clear
l.append(4)
l.sort()
l.count(1) ~ l.index(2)
l.index(9)
l[0] ~ l[-1] ~ l[5]
l['x']
s[0] ~ s[-1] ~ s[99]
s[1:3] ~ s[:2] ~ s[-3:] ~ s[::2] ~ s[::-1] ~ s[3:1]
u[0:3] ~ '|' ~ u[7:9] ~ '|' ~ u[10] ~ '|' ~ u[::-1]
u | length
l[1:] ~ l[::-1] ~ l[5:] ~ l[-2:-1]
l[::0]
(1, 2, 3)[::2]
'abcdef'[4:1:-1] ~ 'abcdef'[:-7:-2] ~ 'abc'[-100:100]
n[1:]
d[1:]
missing[1:]
a.b
n.x
n['x']
1.real
s.upper ~ ''
s.nope
s['upper']()
l.0
deep.a.b.0.c ~ deep['a']['b'][0]['c']
deep.list[0][1]
1 == 1.0
true == 1
'1' == 1
[1, 2] == [1, 2]
[1] == (1,)
{'a': 1} == {'a': 1.0}
none == false
missing == missing2
missing == none
1 < 2 < 3
1 < 3 < 2
3 > 2 >= 2 != 1
'a' < 'b'
'Z' < 'a'
[1, 2] < [1, 3]
1 < 'a'
none < 1
missing < 1
1 in l
9 not in l
'ell' in s
1 in s
missing in s
missing in l
'x' in d
none in d
[] in d
'x' in missing
'x' in 5
'x' in none
2 in range(5)
2.0 in range(5)
'a' in 'abc' in ['abc']
not t
not not e
t and 'yes'
e and 'yes'
e or 'no'
n or f or 0 or 'last'
t and e or 'x'
'yes' if t else 'no'
'yes' if f
('yes' if f) is defined
'a' if f else 'b' if f else 'c'
1 if missing else 2
(1, 2)
(1,)
()
[1, 'a', none, true, 2.5, [], {}]
{'a': 1, 'b': [1, 2], 3: 'c', none: 1}
{1: 'a', 1.0: 'b', true: 'c'}
{[]: 1}
['it\'s', "say \"x\"", 'both \' and "', 'tab\t', 'nl\n', '\x1b', 'é日', '\u200b', '🎉', '\\']
'\x41\u00e9\U0001F600\101\q\''
'a' 'b' "c"
"\é"
1e3 ~ ' ' ~ 1.5e-7 ~ ' ' ~ 1e16 ~ ' ' ~ 123456789012345680.0 ~ ' ' ~ 0.1 ~ ' ' ~ 1e22 ~ ' ' ~ 1e15
0x1F ~ ' ' ~ 0b101 ~ ' ' ~ 0o17 ~ ' ' ~ 1_000 ~ ' ' ~ 1_0.5
-0.0 ~ ' ' ~ 100.0 ~ ' ' ~ 1/3 ~ ' ' ~ 2/3*100
+a ~ -a ~ -b
-'a'
-missing
t is true and f is false
1 is true
a is integer ~ ' ' ~ b is integer ~ ' ' ~ t is integer
a is float ~ ' ' ~ b is float ~ ' ' ~ b is number ~ ' ' ~ t is number ~ ' ' ~ s is number
s is string ~ n is string ~ missing is string
n is none ~ missing is none ~ n is not none
d is mapping ~ l is mapping
l is iterable ~ s is iterable ~ d is iterable ~ a is iterable ~ missing is iterable ~ n is iterable
l is sequence ~ s is sequence ~ d is sequence ~ a is sequence ~ missing is sequence ~ (1, 2) is sequence
d.items() is iterable ~ d.items() is sequence ~ d.keys() is mapping
range(3) is sequence ~ range(3) is iterable
missing is defined ~ missing is undefined ~ a is defined
t is boolean ~ a is boolean
a is odd ~ a is even ~ 2 is even
b is odd
s is odd
9 is divisibleby 3 ~ 9 is divisibleby(2)
9 is divisibleby 0
a is eq 1 ~ a is equalto(1) ~ a is ne 2 ~ a is lt 2 ~ a is gt 0 ~ a is ge 1 ~ a is le 1 ~ a is sameas 1
a is lessthan 2 ~ a is greaterthan 2
s is lower ~ 'abc' is lower ~ 'ABC' is upper ~ '1' is upper
'x' is in 'xyz' ~ 3 is in l ~ 3 is not in l
range is callable ~ s is callable ~ missing is callable
'upper' is filter ~ 'nope' is filter ~ 'defined' is test
s is escaped ~ (s|safe) is escaped
n is sameas none ~ t is sameas true ~ f is sameas none
a is nope
a is defined is true
s | upper ~ s | lower
s|upper|lower|title
'hello wORLD foo-bar (baz) it\'s' | title
'hELLO wORLD' | capitalize
'ǆ ß ﬁ' | upper ~ 'ΑΣ ΑΣΑ' | lower ~ 'İ' | lower
'ß' | capitalize ~ 'ǆ'.title()
k | trim ~ '|'
'xxhixx' | trim('x')
k | trim(none)
n | trim
missing | trim ~ missing | upper ~ missing | string ~ missing | length ~ missing | list ~ missing | join
a | string ~ n | string ~ l | string
l | length ~ s | length ~ d | length ~ e | length ~ range(4) | length
a | length
n | length
s | count
l | first ~ l | last ~ s | first ~ s | last ~ d | first ~ d | last
empty | first
empty | last
empty | first | default('none')
n | first
a | last
l | list ~ s[:3] | list ~ d | list ~ range(3) | list
a | list
l | join(', ') ~ w | join ~ d | join('-') ~ s | join('.')
m | join(', ', attribute='role')
m | join(attribute='missing')
[1, none, true, missing] | join('/')
a | join
l | sort ~ w | sort ~ w | sort(case_sensitive=true) ~ l | sort(reverse=true)
m | sort(attribute='n') | map(attribute='n') | list
m | sort(attribute='role,n') | map(attribute='n') | list
m | sort(attribute='nope') | length
[1, 'a'] | sort
[none, 1] | sort
[[2, 1], [1, 2]] | sort
d | sort
['b', 'B', 'a', 'A'] | sort
['b', 'B', 'a', 'A'] | sort(reverse=true)
{'b': 1, 'A': 2, 'c': 0} | dictsort
{'b': 1, 'A': 2, 'c': 0} | dictsort(true)
{'b': 1, 'A': 2, 'c': 0} | dictsort(false, 'value')
{'b': 1, 'A': 2, 'c': 0} | dictsort(by='value', reverse=true)
{'b': 1} | dictsort(by='nope')
l | dictsort
d | dictsort
d | items | list
d | items | first
missing | items | list
l | items | list
l | items
w | unique | list ~ w | unique(case_sensitive=true) | list
[1, 1.0, true, '1', 2] | unique | list
m | unique(attribute='role') | map(attribute='role') | list
[[1], [1]] | unique | list
l | min ~ l | max ~ w | min ~ w | max ~ empty | min
m | max(attribute='n')
['a', 1] | max
l | sum ~ m | sum(attribute='n') ~ l | sum(start=10) ~ [0.1, 0.2] | sum
['a'] | sum
[[1], [2]] | sum(start=[])
[missing] | sum
l | reverse | list ~ s | reverse ~ d | reverse | list ~ range(3) | reverse | list
a | reverse
(l | map('string') | reverse)
l | map('string') | list ~ w | map('upper') | join
m | map(attribute='role') | join(',')
m | map(attribute='content', default='none') | join(',')
m | map(attribute='content') | list
m | map('attr', 'role') | list
m | map(attribute='role', nope=1) | list
m | map('nope') | list
m | map() | list
n | map('upper') | list
a | map('upper') | list
l | map('default', 3) | list
['a b', 'c'] | map('replace', ' ', '_') | list
[[1, 2], [3]] | map('sum') | list ~ [[1, 2], [3]] | map('first') | list ~ [[1, 2], [3]] | map(attribute=0) | list
['1', 'x'] | map('int', default=5) | list
l | select('odd') | list ~ l | reject('odd') | list ~ [0, 1, '', 'a'] | select | list ~ [0, 1] | reject | list
l | select('gt', 1) | list ~ l | select('in', [1, 2]) | list ~ l | select('divisibleby', 3) | list
l | select('nope') | list
m | selectattr('content') | list | length ~ m | selectattr('content', 'defined') | map(attribute='n') | list
m | selectattr('role', 'equalto', 'user') | list
m | selectattr('role', '==', 'user') | map(attribute='content') | first
m | rejectattr('role', 'eq', 'user') | map(attribute='role') | list
m | selectattr('role', 'in', ['user', 'bot']) | list | length
m | selectattr() | list
(m | selectattr('role', 'eq', 'nobody') | first) is defined
m | selectattr('role') | length
(m | selectattr('nope') ) is true
'x' if m | selectattr('nope') else 'y'
'x' if m | selectattr('nope') | list else 'y'
m | groupby('role') | map('first') | list
m | groupby('role') | map(attribute='grouper') | list ~ (m | groupby('role'))[0].list | length
m | groupby('content', default='zz') | map('first') | list
m | groupby('nope')
m | groupby(attribute='role', case_sensitive=true) | map('first') | list
[1,2,3,4,5] | batch(2) | list
[1,2,3,4,5] | batch(2, 'x') | list
[1,2,3,4,5] | slice(3) | list
[1,2,3,4,5] | slice(3, 'x') | list
[1] | slice(0) | list
[1,2] | batch(0) | list
num | int ~ fl | int ~ 'x' | int ~ 'x' | int(7) ~ b | int ~ n | int ~ '0x1A' | int(0, 16) ~ ' 12 ' | int ~ '1_000' | int ~ t | int
'101' | int(base=2) ~ '-5' | int ~ '+5' | int ~ '' | int ~ 'inf' | int ~ 'nan' | int ~ '1e3' | int
missing | int
missing | float
fl | float ~ num | float ~ 'x' | float ~ 'x' | float(1.5) ~ '1e3' | float ~ a | float ~ n | float ~ '-.5' | float
l | int
42.55 | round ~ ' ' ~ 42.55 | round(1) ~ ' ' ~ 42.55 | round(1, 'floor') ~ ' ' ~ 42.51 | round(1, 'ceil') ~ ' ' ~ 2.5 | round ~ ' ' ~ 3.5 | round
2.675 | round(2) ~ ' ' ~ 1234 | round(-2) ~ ' ' ~ 1250 | round(-2) ~ ' ' ~ 1350 | round(-2) ~ ' ' ~ 5 | round ~ ' ' ~ -2.5 | round
42 | round(0, 'floor') ~ 7 | round(method='ceil')
1.5 | round(method='nope')
s | round
-5 | abs ~ -2.5 | abs ~ t | abs
s | abs
missing | abs
missing | default('x') ~ n | default('x') ~ e | default('x', true) ~ n | d('y', boolean=true) ~ missing | default
missing.x | default('x')
d.nope | default(d.x)
s | replace('o', '0') ~ s | replace('o', '0', 1) ~ a | replace(1, 2) ~ e | replace('', 'x') ~ 'abc' | replace('', '-') ~ 'abc' | replace('', '-', 2)
s | replace('o')
s | replace('l', none)
lines | indent ~ '|'
lines | indent(2, true, true) ~ '|'
lines | indent(width='> ', first=true)
e | indent ~ '|'
n | indent
missing | indent
'foo bar baz qux' | truncate(9) ~ '|' ~ 'foo bar baz qux' | truncate(9, true) ~ '|' ~ 'foo bar baz qux' | truncate(11) ~ '|' ~ 'foo bar baz qux' | truncate(11, false, '...', 0)
'foo' | truncate(1)
'a' * 300 | truncate | length
('a' * 300) | truncate | length
'hello world' | wordcount ~ 'a-b c_d é' | wordcount
s | center(21) ~ '|' ~ 'ab' | center(5) ~ '|' ~ 'abc' | center(6) ~ '|'
s | center | length
'%s is %d and %.2f' | format('x', 3, 1.5)
'%(a)s-%(b)05d' | format(a=1, b=2)
'%s' | format
'%s %s' | format('x')
'%s' | format('x', 'y')
'%5s|%-5s|%05d|%+d|% d|%x|%X|%#x|%o|%e|%g|%G|%c|%%|%r' % ('a', 'b', 42, 42, 42, 255, 255, 255, 8, 12345.678, 0.0001, 1e20, 'z', "q'")
'%s' % l
'%s' % (1, 2)
'%s and %s' % (n, t)
'%d' % 'x'
'%d' % 3.99
'%.3s|%10.3f|%-10d|' % ('abcdef', 3.14159, 5)
'%*d' % (5, 42)
'%s' % missing
'%z' % 1
'abc' % 1
'abc' % {}
'%(x)s' % d
'%(nope)s' % d
'%s' % d
'{} {}'.format(1, 'a') ~ '{0} {1} {0}'.format('a', 'b') ~ '{x}'.format(x=5)
'{:>5}|{:<5}|{:^5}|{:*^7}|{:05d}|{:+d}|{:,}|{:.2f}|{:x}|{:#x}|{:e}|{:%}|{:_}'.format('a', 'b', 'c', 'd', 42, 42, 1234567, 3.14159, 255, 255, 12345.678, 0.5, 1234567)
'{0[x]} {0.y} {1[0]}'.format(d, l)
'{0.__class__}'.format(s)
'{!r} {!s}'.format('a', 'b')
'{{}}'.format(1)
'{'.format(1)
'}'.format(1)
'{} {1}'.format(1, 2)
'{2}'.format(1)
'{nope}'.format(1)
'{:{}}|'.format('a', 5)
'{:{:{}}}|'.format('a', 5, '>')
'{:{:{:{}}}}|'.format('a', 5, '>', 1)
'{:d}'.format('a')
'{:.3}|{:10.2}|{:s}'.format('abcdef', 'xyz', 's')
'{:g} {:.3g} {:G} {:.10g} {:n} {:c} {:b} {:o}'.format(0.00001, 1234567.0, 1e-10, 1/3, 5, 65, 5, 8)
'{} {} {}'.format(none, true, 1.0)
'{:5}|{:5}|{:5}|'.format(1, 'a', 1.5)
'{:.2}'.format(1234.5) ~ ' ' ~ '{:.6}'.format(1234.5) ~ ' ' ~ '{:.1f}'.format(0.25) ~ ' ' ~ '{:.0f}'.format(2.5)
'{x[y]}'.format_map({'x': {'y': 2}})
s.upper() ~ s.lower() ~ s.title() ~ s.swapcase() ~ s.capitalize() ~ s.casefold()
'they\'re bill\'s'.title()
k.strip() ~ '|' ~ k.lstrip() ~ '|' ~ k.rstrip() ~ '|'
'xyhixy'.strip('xy') ~ 'xxhixx'.lstrip('x') ~ 'xxhixx'.rstrip('x') ~ ' a '.strip(none) ~ '|'
s.strip(1)
s.strip('a', 'b')
csv.split(',') ~ csv.split(',', 1) ~ csv.rsplit(',', 1) ~ csv.split(',', -1) ~ csv.split(',', 0)
'  a  b c '.split() ~ '  a  b c '.split(none, 1) ~ '  a  b c '.rsplit(none, 1) ~ ''.split() ~ ''.split(',') ~ 'a b c'.split(maxsplit=1)
csv.split('')
csv.split(sep=',', maxsplit=2)
'</think>a</think>b'.split('</think>')[-1] ~ 'x'.split('</think>')[0]
lines.splitlines() ~ lines.splitlines(true) ~ ''.splitlines() ~ 'a\n'.splitlines()
s.startswith('He') ~ s.startswith(('x', 'He')) ~ s.endswith('ld') ~ s.startswith('lo', 3) ~ s.startswith('lo', 3, 4) ~ s.startswith('')
s.startswith(1)
s.startswith(['H'])
s.find('o') ~ s.rfind('o') ~ s.find('z') ~ s.find('o', 5) ~ s.find('o', 5, 7) ~ u.find('日') ~ s.find('') ~ s.rfind('') ~ s.find('', 99)
s.index('o') ~ s.rindex('o') ~ s.count('o') ~ s.count('') ~ s.count('l', 3) ~ 'aaaa'.count('aa') ~ 'aaaa'.rfind('aa')
s.index('z')
', '.join(['a', 'b']) ~ '-'.join('abc') ~ ''.join([])
', '.join([1])
'a-b-c'.replace('-', '+') ~ 'a-b-c'.replace('-', '+', 1) ~ 'abc'.replace('', '.')
'a-b'.replace('-')
'a-b'.replace('-', 1)
s.partition(' ') ~ s.partition('z') ~ s.rpartition('o') ~ s.rpartition('z')
'abc'.removeprefix('a') ~ 'abc'.removesuffix('c') ~ 'abc'.removeprefix('x') ~ 'abc'.removesuffix('')
'ab'.center(7) ~ '|' ~ 'ab'.center(6, '*') ~ 'ab'.ljust(5, '.') ~ 'ab'.rjust(5) ~ '-5'.zfill(4) ~ '5'.zfill(3) ~ 'abc'.zfill(2) ~ 'abc'.center(6, '*')
'ab'.center(5, 'xx')
'a\tb'.expandtabs() ~ '|' ~ 'a\tb'.expandtabs(4)
'123'.isdigit() ~ '12a'.isdigit() ~ ''.isdigit() ~ '²'.isdigit() ~ '²'.isdecimal() ~ '½'.isnumeric() ~ 'abc'.isalpha() ~ 'é日'.isalpha() ~ 'a1'.isalnum() ~ ' \t'.isspace() ~ 'a'.islower() ~ 'A1'.isupper() ~ 'Ab Cd'.istitle() ~ 'ab_1'.isidentifier() ~ 'a\n'.isprintable() ~ 'a'.isascii() ~ 'é'.isascii()
s.upper(1)
s.__class__
s.__class__.__mro__
''.__class__.__base__.__subclasses__()
d.__class__
d['__class__']
d.__init__.__globals__
l.__len__()
range.__globals__
missing.__class__
cycler.__init__.__globals__
lipsum.__globals__
namespace.__init__
s._private
d._x is defined
n.__class__ is defined
d | attr('x')
s | attr('upper')
s | attr('__class__')
d | attr('get') is defined
d | tojson
l | tojson ~ s | tojson ~ n | tojson ~ t | tojson ~ b | tojson ~ u | tojson
q | tojson
'<a> & \'b\' \x7f \x01 \n\t\r\b\f / \\ \u2028' | tojson
u | tojson(ensure_ascii=true) ~ '\x7f🎉' | tojson(true)
deep | tojson(indent=2)
deep | tojson(indent=4, sort_keys=true)
{'b': 1, 'a': [1, {}], 'c': {}, 'd': []} | tojson(indent=1)
{'b': 1, 'a': 2} | tojson(sort_keys=true)
{'b': 1, 'a': [1, 2]} | tojson(separators=(',', ':'))
{'b': 1, 'a': [1, 2]} | tojson(separators=(',', ':'), indent=2)
l | tojson(indent='--')
l | tojson(indent=0)
(1, 2) | tojson ~ () | tojson
{1: 2, none: 3, true: 4, 2.5: 5} | tojson
{(1, 2): 3} | tojson
missing | tojson
[missing] | tojson
range(3) | tojson
d.items() | tojson
l | map('string') | tojson
namespace() | tojson
1e16 | tojson ~ 1e-7 | tojson ~ 1.0 | tojson
(1e308 * 10) | tojson
'<b>' | e ~ '<b>' | escape | e ~ '<b>' | safe ~ "<'\">" | forceescape ~ n | e ~ a | e
('<b>' | safe) + '<i>'
'<i>' + ('<b>' | safe)
('<b>' | safe) ~ '<i>'
('<b>' | e) | length ~ ('<b>' | safe) | upper ~ ['<b>' | safe]
('a' | safe).join(['<', '>'])
('%s' | safe) % '<'
('x' | safe) * 2 ~ ('abc' | safe)[1:] ~ ('a,b' | safe).split(',')
('<b>' | safe) | tojson ~ ('<b>' | safe) | replace('<', '[') ~ ('<b>' | safe).replace('b', '<')
'<b>' | safe | trim | string + '<'
'a b/c?d=é&' | urlencode ~ {'a b': 'c/d', 'e': 1} | urlencode ~ [('x', 'y z')] | urlencode
'<p>a <b>b</b>\n c</p><!-- x -->' | striptags
{'class': 'a b', 'id': none, 'x': '<"'} | xmlattr
123 | filesizeformat ~ 1 | filesizeformat ~ 1500 | filesizeformat ~ 1500000 | filesizeformat ~ 2048 | filesizeformat(true) ~ '1e9' | filesizeformat
'one two three four five' | wordwrap(9)
'abcdefghijkl' | wordwrap(5)
range(3) ~ range(1, 3) ~ range(0, 10, 3) ~ range(5)[1:3] ~ range(5)[2]
range(10**12)
range(0)| list ~ range(3, 0, -1) | list ~ range(5, 0) | list
range(1, 2, 0)
range('a')
range(2.0)
dict(a=1, b=2) ~ dict({'x': 1}, y=2) ~ dict([('a', 1)])
dict(1)
dict.fromkeys(['a', 'b'], 0)
namespace(a=1).a ~ namespace({'b': 2}).b ~ namespace(a=1)
namespace(_a=1)
namespace().x is defined
lipsum is defined ~ joiner is defined ~ cycler is defined
cycler('a', 'b').next()
joiner(',')()
raise_exception('stop it: ' ~ a)
raise_exception()
strftime_now('%d %b %Y') ~ strftime_now('%A %B %-d, %Y %H:%M:%S %j %y %p %I %% %a')
strftime_now('%Y-%m-%dT%H:%M:%S.%f')
strftime_now(1)
s | nope
s is nope
'x' if t else s | nope
'x' if t else s is nope
s | upper()
s | upper(1)
s | default(1, 2, 3)
l | join(sep=',')
s | length(1)
s()
1()
d.x()
l | first()
(1)
((1, 2), [3, (4,)])
d.x if d.x is defined else 'no'
(m | first).role ~ (m | last)['role']
m[0].role ~ m[-1].role ~ m[0]['content'][0]
m | length > 2 and m[0].role == 'user'
s.split(' ')[0] | upper
s.split()[-1][::-1] | title
[1, 2, 3] | map('string') | map('length') | sum
'a,b' .split(',') | join('|')
{'a': {'b': 1}}.a.b
[{'a': 1}][0].a
"a" in {"a": 1} and "b" not in {"a": 1}
1 if 1 is eq 1 else 2
not 1 == 2
not missing is defined
s is string and s | length > 3
(s is defined) and (s is not none)
a == 1 or b == 2 and f
1 + 2 == 3 and 'x' ~ 1 == 'x1'
l | length - 1
-l | length
-l[0]
- 5 | abs
2 * 3 ~ 'x'
1 ~ 2 + 3
[1, 2,]
{'a': 1,}
(1, 2,)
d.get('x', default=1)
dict(a=1, a=2)
s.replace('H', 'J').replace('W', 'V')
'ab'.__add__('c')
('a', 'b') == ['a', 'b']
loop
true
True ~ False ~ None ~ none ~ true
caller
varargs
10 | string | length
[3, 1] | sort | first
'%s' % ('a',)
"%s=%s" % ('k', [1])
'é'|urlencode
m|map(attribute='role')|unique|list
m | map(attribute='role') | map('lower') | list
(m | map(attribute='role')) | join
[1, [2, [3]]] | string
{'a': [1, (2, 'x'), {'b': none}]} | string
'' is none
[] == empty
{} == ed
'abc' is sequence
(1, 'a', none)|tojson
[m[0]] | tojson
'Ünïcödé' | upper | lower | title
'a\\nb' ~ 'a\nb'
'\t' in k
'x' * 3 ~ 'y'
'5' * '5'
5 / '5'
5 - none
[] - []
{} + {}
[1, 2, 3][1:][0]
'{}'.format([1, 'a'])
'%s%%' % 50
'%i' % true
'%.1f' % 2
'%5.1f|' % 3.14159
'%s' % 'a' ~ 'b'
1.0 == 1 and 1.0 ~ ''
100000000000000000000.0
1e400
0.1 + 0.2
1.10
5.0 // 2
5 % 2.5
2 ** 0.5
(2 ** 62) + (2 ** 61)
1_000_000 * 1_000_000
9007199254740993 + 0
3 in [1, 2, 3] | list
'a' ~ 'b' in 'ab'
x.y.z
m.0.role
m[0].get('role', 'none') ~ m[2].get('content', 'none')
m[2].content
m[2]['content'] is defined
m[2].content is defined and m[2].content is not none
not m[2].content
m[2].content or 'fallback'
m[2].content | default('fallback')
m[2].content | length
m[2].content ~ ''
m[2].content + 'x'
m[2].content.strip()
m[2].content | trim
m[0].content | trim + 'x'
m[0].content + '\n' + m[1].content
m[0]['content'] | tojson | safe
(m | length) ~ (m | list | length)
d | length is eq 4
d.y is eq('two')
d.z is none
d['z'] is none and d.q is undefined
d.items() | list | length
d.items() | map('first') | list
d | map('upper') | list
d.values() | select('string') | list
d | dictsort | map('last') | list
w | sort | join | upper
w | map('lower') | unique | sort | list
l + [4] | length
(l + [4]) | length
l | sort == [1, 2, 3]
(l | sort)[0:2]
""
''
' '
"a" "b" ~ 'c'
""".strip("\n").split("\n")

STATEMENTS = [
    "{% for x in l %}{{ loop.index }}/{{ loop.length }}:{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% for x in l %}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.depth }}{{ loop.depth0 }};{% endfor %}",
    "{% for x in l %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}",
    "{% for x in l %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }} {% endfor %}",
    "{% for x in l %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 1) }} {% endfor %}",
    "{% for x in l %}{{ loop.cycle() }}{% endfor %}",
    "{% for x in l | map('string') %}{{ loop.index }}/{{ loop.length }}{{ loop.last }}{{ x }}{% endfor %}",
    "{% for x in l | select %}{{ x }}{{ loop.nextitem }}{{ loop.last }}|{% endfor %}",
    "{% for x in empty %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in missing %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in n %}{% endfor %}",
    "{% for x in 5 %}{% endfor %}",
    "{% for x in s %}{{ x }}.{% endfor %}",
    "{% for c in u %}[{{ c }}]{% endfor %}",
    "{% for k in d %}{{ k }},{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k, v in d | items %}{{ k }}={{ v }};{% endfor %}",
    "{% for k, v in d | dictsort %}{{ k }}={{ v }};{{ loop.last }}{% endfor %}",
    "{% for k, v in d %}{{ k }}{% endfor %}",
    "{% for a, b in [(1, 2), [3, 4]] %}{{ a }}{{ b }} {% endfor %}",
    "{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}",
    "{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for x in l if x > 1 %}{{ loop.index }}{{ x }}{{ loop.last }}{% endfor %}",
    "{% for x in l if x > 5 %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in range(10) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 5 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in l %}{% for y in l %}{% if y == 1 %}{% break %}{% endif %}{{ x }}{{ y }} {% endfor %}{% endfor %}",
    "{% break %}",
    "{% for x in l %}{% macro g() %}{% break %}{% endmacro %}{% endfor %}",
    "{% for x in l %}{% set loop = 1 %}{% endfor %}",
    "{% for loop in l %}{% endfor %}",
    "{% for x in l %}{{ loop }}{% endfor %}",
    "{% for x in [[1, [2, 3]], 4] recursive %}{% if x is iterable %}[{{ loop(x) }}]{% else %}{{ x }}@{{ loop.depth }}{% endif %}{% endfor %}",
    "{% for x in l %}{{ loop(x) }}{% endfor %}",
    "{% for x in l %}{% for y in [1, 2] %}{{ loop.index }}{% endfor %}{{ loop.index }};{% endfor %}",
    "{{ loop is defined }}{% for x in l %}{{ x }}{% endfor %}{{ x is defined }}{{ loop is defined }}",
    "{% set x = 1 %}{% for i in l %}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}",
    "{% set x = 1 %}{% if t %}{% set x = 2 %}{% endif %}{{ x }}",
    "{% if f %}{% set z = 2 %}{% endif %}{{ z is defined }}",
    "{% for i in l %}{% if i == 3 %}{% set z = i %}{% endif %}{{ z }}|{% endfor %}",
    "{% for i in l %}{% if loop.first %}{% set z = 'first' %}{% else %}{% set z = 'later' %}{% endif %}{{ z }} {% endfor %}",
    "{% set ns = namespace(n=0, found=false) %}{% for i in l %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}{{ ns.found }}",
    "{% set ns = namespace() %}{% set ns.a, ns.b = 1, 2 %}{{ ns.a }}{{ ns.b }}{{ ns }}",
    "{% set d.x = 1 %}",
    "{% set nope.x = 1 %}",
    "{% set ns = namespace() %}{% set ns._x = 1 %}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}",
    "{% set a, b = [1] %}",
    "{% set a, b = 'xy' %}{{ b }}{{ a }}",
    "{% set (a, b) = (b, a) %}{{ a }}{{ b }}",
    "{% set x %}a{{ a }}b{% endset %}{{ x }}{{ x | length }}",
    "{% set x | upper | trim %} abc {{ s }} {% endset %}[{{ x }}]",
    "{% set x = 1, 2 %}{{ x }}",
    "{% set 1 = 2 %}",
    "{% set none = 2 %}",
    "{% set x %}",
    "{% set x = %}",
    "{% set [a] = [1] %}",
    "{% macro f(x, y=2) %}{{ x }}{{ y }}{% endmacro %}{{ f(1) }}{{ f(1, 3) }}{{ f(y=5, x=4) }}{{ f() }}",
    "{% macro f(x) %}{{ x is defined }}{% endmacro %}{{ f() }}",
    "{% macro f(x) %}{{ x.y }}{% endmacro %}{{ f() }}",
    "{% macro f(x) %}{{ x }}{% endmacro %}{{ f(1, 2) }}",
    "{% macro f(x) %}{{ x }}{% endmacro %}{{ f(z=2) }}",
    "{% macro f(x) %}{{ x }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, 3, k=4) }}",
    "{% macro f(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ f(7) }}",
    "{% macro f(b=1, a) %}{% endmacro %}",
    "{% macro f() %}[{{ caller() }}]{% endmacro %}{% call f() %}inside {{ a }}{% endcall %}",
    "{% macro f() %}[{{ caller('x', y=2) }}]{% endmacro %}{% call(p, y) f() %}{{ p }}{{ y }}{% endcall %}",
    "{% macro f() %}x{% endmacro %}{% call f() %}inside{% endcall %}",
    "{% macro f() %}{{ caller is defined }}{% endmacro %}{{ f() }}",
    "{% macro f() %}{{ caller() }}{% endmacro %}{{ f() }}",
    "{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(5) }}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% macro f() %}{{ z }}{% endmacro %}{% set z = 5 %}{{ f() }}",
    "{% macro f() %}{% set z = 9 %}{{ z }}{% endmacro %}{% set z = 5 %}{{ f() }}{{ z }}",
    "{% for x in l %}{% macro f() %}{{ x }}{{ loop.index }}{% endmacro %}{{ f() }}{% endfor %}",
    "{% macro f() %}{% endmacro %}{{ f.name }}{{ f.arguments }}{{ f }}{{ f is callable }}",
    "{% macro f(x) %}{{ x | upper }}{% endmacro %}{{ f('a') | lower }}{{ f('b') ~ 'c' }}{{ l | map('string') | map('upper') | join }}",
    "{% macro a1() %}1{% endmacro %}{% macro b1() %}{{ a1() }}{{ c1() }}{% endmacro %}{% macro c1() %}3{% endmacro %}{{ b1() }}",
    "{% macro f(x, x) %}{% endmacro %}",
    "{% macro f(caller) %}{{ caller }}{% endmacro %}",
    "{% macro f(caller=1) %}{{ caller }}{% endmacro %}{{ f() }}",
    "{{ f(1) }}{% macro f(x) %}{{ x }}{% endmacro %}",
    "{% if f %}{% macro g() %}x{% endmacro %}{% endif %}{{ g() }}",
    "{% call s() %}{% endcall %}",
    "{% call s %}{% endcall %}",
    "{% filter upper %}abc {{ s }}{% endfilter %}",
    "{% filter upper | replace('A', 'b') %}abc{% endfilter %}",
    "{% filter nope %}abc{% endfilter %}",
    "{% with x = 1, y = a %}{{ x }}{{ y }}{% endwith %}{{ x is defined }}",
    "{% with %}{% set q1 = 3 %}{{ q1 }}{% endwith %}{{ q1 is defined }}",
    "{% with a = 5, b = a %}{{ b }}{% endwith %}",
    "{% generation %}abc{{ a }}{% endgeneration %}",
    "{% for x in l %}{% generation %}{{ x }}{{ loop.index }}{% set zz = 1 %}{% endgeneration %}{{ zz is defined }}{% endfor %}",
    "{% generation %}abc",
    "{% block b %}x{{ a }}{% endblock %}",
    "{% block b %}x{% endblock b %}{% block b %}y{% endblock %}",
    "{% autoescape true %}{{ '<b>' }}{{ '<b>' | safe }}{% endautoescape %}{{ '<b>' }}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% extends 'x' %}",
    "{% from 'x' import y %}",
    "{% print a, b %}",
    "{% do l.append(1) %}",
    "{% nope %}",
    "{% endif %}",
    "{% if a %}",
    "{% if %}{% endif %}",
    "{% if a %}x{% elif b %}y{% else %}z{% endif %}",
    "{% if n %}x{% elif b %}y{% else %}z{% endif %}",
    "{% if n %}x{% elif e %}y{% else %}z{% endif %}{% if n %}x{% endif %}",
    "{% if a: %}x{% endif %}",
    "{% if a, b %}x{% endif %}",
    "{% else %}",
    "{% for x in l %}",
    "{% for x l %}{% endfor %}",
    "{% for in l %}{% endfor %}",
    "{% for x in l %}{% endif %}",
    "{% if f %}{{ s | nope }}{% endif %}ok",
    "{% if t %}{{ s | nope }}{% endif %}",
    "{% if f %}{% for x in l %}{{ s | nope }}{% endfor %}{% endif %}ok",
    "{% raw %}{{ x }} {% if %}{% endraw %}|",
    "{%- raw -%}  {{ x }}  {%- endraw -%}  |",
    "a {% raw %} b {% endraw %}\nc",
    "{% raw %}abc",
    "a{# comment #}b{#- c -#} d {# multi\nline #}\ne",
    "a{# unclosed",
    "a {#",
    "{{ a",
    "{{ a }",
    "{{ a b }}",
    "{{ }}",
    "{% %}",
    "{{ (1 }}",
    "{{ [1) }}",
    "{{ 'abc }}",
    "{{ a ? b }}",
    "{{ $x }}",
    "{{ a; b }}",
    "{{ a. }}",
    "{{ a[ }}",
    "{{ a[] }}",
    "{{ f(a=1, 2) }}",
    "{{ f(**d, 1) }}",
    "{{ f(*l, *l) }}",
    "{% macro f() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(*l, **{'k': 1}) }}{{ f(1, *[2], k=3, **{'j': 4}) }}",
    "{% macro f() %}{{ kwargs }}{% endmacro %}{{ f(k=3, **{'k': 4}) }}",
    "{{ a if }}",
    "{{ is defined }}",
    "{{ a is }}",
    "{{ a | }}",
    "{{ not }}",
    "{{ a in }}",
    "{{ {1} }}",
    "{{ {'a': } }}",
    "{{ 1 2 }}",
    "{{ 'a' 1 }}",
    "{{ 1.2.3 }}",
    "{{ 1abc }}",
    "{{ é }}{{ éa is defined }}",
    "{{ {'a': {'b': {}}} }}",
    "{{ {'a': {}}.a }}}}",
    "{ { a } } {{ '{{' }} {{ '}}' }} {{ '%}' }}",
    "{{ '\\x4' }}",
    "{{ '\\u00' }}",
    "{{- a -}}",
    " x {{- a -}} y ",
    " x \n {{- a -}} \n y ",
    "  {% if t %}\n  x\n  {% endif %}\n  y\n",
    "  {%+ if t %}\n  x\n  {%+ endif %}\n  y\n",
    "  {% if t +%}\n  x\n  {% endif +%}\n  y\n",
    "  {%- if t -%}\n  x\n  {%- endif -%}\n  y\n",
    "a\n  {% if t %}  \n b {% endif %}  c\n",
    "a  {% if t %}b{% endif %}\n\n\nc",
    "\n\n{% if t %}\n\nx\n\n{% endif %}\n\n",
    "{% for x in l %}\n{{ x }}\n{% endfor %}\n",
    "{% for x in l -%}\n  {{ x }}\n{%- endfor %}\n",
    "{% for x in l %}\n  - {{ x }}\n{% endfor %}",
    "   {# c #}\n  x",
    "   {# c #}  \n  x",
    "  {#- c #}\nx\n {# c -#}\n y",
    "\t{% set x = 1 %}\t\n{{ x }}\n\t{% set y = 2 %}x",
    "a\r\nb\rc\n",
    "a\n\n",
    "a\r\n",
    "\n",
    "",
    "{% set x = 'a\r\nb' %}{{ x }}",
    "{% set x = 'a\nb' %}{{ x | tojson }}",
    "{% if t -%} x {%- endif %}\u00a0{%- if t %}y{% endif %}",
    "\u2003{%- if t %}y{% endif %}",
    "\u2003{% if t %}y{% endif %}",
    "x\u0085{%- if t %}y{% endif %}",
    "{%if t%}a{%endif%}{%-if t-%}b{%-endif-%}",
    "{%\n if t\n%}a{% endif %}",
    "{{\n a \n}}",
    "{{ a -}}\n\n\nx",
    "{{ a }}\nx",
    "{{ a }}\n",
    "{{ a }}{% if t %}\n{% endif %}\nz",
    "{% if t %}{% if t %}\n\n{% endif %}\n{% endif %}\nz",
    "   {{ a }}   ",
    "{% set ns = namespace(x=[]) %}{% set ns.x = ns.x + [1] %}{% set ns.x = ns.x + [2] %}{{ ns.x }}",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{% set _ = c.reset() %}{{ c.current }}",
    "{% set j = joiner('|') %}{{ j() }}a{{ j() }}b{{ j() }}",
    "{% set x = l %}{% set l = [] %}{{ x }}{{ l }}",
    "{% set messages = m %}{% if messages[0].role == 'user' %}{% set rest = messages[1:] %}{% endif %}{{ rest | length }}",
    "{% for message in m %}{% if (message.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles') }}{% endif %}{% endfor %}",
    "{% for message in m %}{{ '<|' + message['role'] + '|>\\n' + (message['content'] or '') | trim + '\\n' }}{% endfor %}",
    "{% for message in m if message.content is defined and message.content %}{{ message.role }}{% if loop.last %}!{% endif %}{% endfor %}",
    "{% set x = namespace(v='') %}{% for c in 'abc' %}{% set x.v = c ~ x.v %}{% endfor %}{{ x.v }}",
    "{% macro show(v) %}{% if v is mapping %}{{ '{' }}{% for k, w in v | dictsort %}{{ k }}:{{ show(w) }}{% if not loop.last %},{% endif %}{% endfor %}{{ '}' }}{% elif v is iterable and v is not string %}[{% for w in v %}{{ show(w) }}{% endfor %}]{% else %}{{ v | tojson }}{% endif %}{% endmacro %}{{ show(deep) }}",
    "{{ caller() }}",
    "{% set f = s.split %}{{ f() }}",
    "{% set g = d.get %}{{ g('x') }}",
    "{% set x = range %}{{ x(3) | list }}",
    "{% for a in l %}{{ a }}{% endfor %}{{ a }}",
    "{% for i in range(3) %}{% for j in range(i) %}{{ i }}{{ j }} {% else %}-{% endfor %}{% endfor %}",
    "{% for x in l %}{% set y = x %}{% endfor %}{{ y }}",
    "{% for x in l %}{% filter upper %}a{% break %}{% endfilter %}{% endfor %}z",
    "{% for x in l %}{% set v %}a{% continue %}{% endset %}{% endfor %}z",
    "{% set x = 1 %}{% set x = x + 1 %}{% set x = x * 5 %}{{ x }}",
    "{% set x = missing %}{{ x is defined }}{{ x }}",
    "{% set x = missing.y %}",
    "{% set _ = d.get('x') %}{{ _ }}",
    "{% if missing.a %}x{% endif %}",
    "{% if missing and missing.a %}x{% else %}y{% endif %}",
    "{% if d.nope is defined and d.nope.x %}x{% else %}y{% endif %}",
    "{% if 'a' == \"a\" and l|length == 3 %}ok{% endif %}",
    "{% set x = [1,2,3] %}{% for i in x[::-1] %}{{ i }}{% endfor %}{% for i in x | reverse %}{{ i }}{% endfor %}",
    "{% set g = m | map(attribute='role') %}{{ g | list }}{{ g | list }}",
    "{% set g = l | select %}{% for x in g %}{{ x }}{% break %}{% endfor %}{{ g | list }}",
    "{% for x in l %}{% if loop.index is divisibleby 2 %}{{ x }}{% endif %}{% endfor %}",
    "{% for k, v in [('a', 1)] | list %}{{ k }}{{ v }}{% endfor %}",
    "{% for g in m | groupby('role') %}{{ g.grouper }}:{{ g.list | length }};{{ g[0] }}{% endfor %}",
    "{% for k, g in m | groupby('role') %}{{ k }}:{{ g | map(attribute='n') | list }};{% endfor %}",
    "{% for row in [1,2,3,4,5] | batch(2, 0) %}{{ row | join('-') }};{% endfor %}",
    "{% set x = {'a': 1} %}{% set y = dict(x, b=2) %}{{ x }}{{ y }}",
    "{% set x = {'a': 1} %}{% for k in x %}{{ x[k] }}{% endfor %}",
    "{{ [1, 2, 3] | map('multiply', 2) }}",
    "{% macro f(x=[]) %}{{ x }}{% endmacro %}{{ f() }}{{ f([1]) }}",
    "{% macro f(a, *args) %}{% endmacro %}",
    "{% macro f.g() %}{% endmacro %}",
    "{% macro true() %}{% endmacro %}",
    "{% set f = 5 %}{% macro f() %}{% endmacro %}{{ f is callable }}",
    "{% if true %}{% endif %}{% if True %}a{% endif %}{% if none %}b{% endif %}{% if None is none %}c{% endif %}",
    "{% for x in [1,2,3] %}{% if x is even %}{% continue %}{% endif %}{{ x }}{{ ',' if not loop.last }}{% endfor %}",
    "{%- set x = 1 -%}\n\n{%- if x -%}\n  yes\n{%- else -%}\n  no\n{%- endif -%}\n",
    "{{ bos_token }}{{ '<s>' }}{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{{ add_generation_prompt }}",
    "{%- macro tag(name, value) -%}<{{ name }}>{{ value }}</{{ name }}>{%- endmacro -%}{{ tag('a', 1) }} {{ tag(name='b', value=tag('c', 2)) }}",
    "{% set t1 = 'x' if a else 'y' %}{{ t1 }}{% set t2 = ('x' if n) %}{{ t2 is defined }}",
    "{{ l[a] }}{{ l[a:] }}{{ l[:b] }}",
    "{{ l[n:] }}{{ l[t] }}",
    "{{ l['0'] }}|{{ l[1.0] }}|{{ s['0'] }}|{{ d[none] }}|{{ d[1, 2] }}",
    "{{ ''.join(['a', 'b']) }}{{ d.items() | map('join', '=') | join }}",
    "{{ m | map('tojson') | join(',') }}",
    "{{ m | map('dictsort') | map('first') | list }}",
    "{{ [s, e, n] | map('default', 'x', true) | list }}",
    "{{ ['a', 'b'] | map('indent', 2, true) | list }}",
    "{{ 'a' | indent(2, first=true) }}{{ 'a\nb' | indent(indent=2) }}",
    "{% set text %}\n line\n{% endset %}[{{ text }}]",
    "{% set text -%}\n line\n{%- endset %}[{{ text }}]",
    "{% set ns = namespace(a=1) %}{% macro f() %}{% set ns.a = ns.a + 1 %}{{ ns.a }}{% endmacro %}{{ f() }}{{ f() }}{{ ns.a }}",
    "{% set x = 'a' %}{% macro f() %}{{ x }}{% set x = 'b' %}{{ x }}{% endmacro %}{{ f() }}{{ x }}",
    "{% for x in [1, 2] %}{% set ns = namespace(v=x) %}{{ ns.v }}{% endfor %}{{ ns is defined }}",
    "{{ namespace(a=1)['a'] }}{{ namespace(a=1).b is defined }}{{ 'a' in namespace(a=1) }}",
    "{{ namespace(a=1) is mapping }}{{ namespace(a=1) is iterable }}",
    "{{ 'ab' | safe | list }}{{ {1: 2} | xmlattr }}",
    "{{ 'ab' | safe | list }}{{ 'ab' | safe | first }}{{ ['<' | safe] }}",
    "{{ namespace(a=1) | length }}",
    "{% for x in namespace(a=1) %}{% endfor %}",
    "{{ namespace(a=1) == namespace(a=1) }}",
]

EXTRA = [
    ("{{ messages[0]['content'] }}", {"messages": [{"content": "x"}]}),
    ("{{ x }}{{ y }}", {"x": "{{ a }}", "y": "{% if %}"}),
    ("{{ tools | tojson(indent=4) }}", {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"é": [1, 2.0, None, True]}}}]}),
    ("{% for t in tools %}{{ t.function | tojson }}{% endfor %}", {"tools": [{"function": {"b": 1, "a": {"x": []}}}]}),
    ("{{ x.items | length }}", {"x": {"items": [1, 2]}}),
    ("{{ x['items'] | length }}{{ x.get('items') | length }}", {"x": {"items": [1, 2]}}),
    ("{{ x.keys }}", {"x": {"keys": 1}}),
    ("{{ x.content }}", {"x": "string"}),
    ("{{ x | first | tojson }}", {"x": [{"a": None}]}),
    ("{% for k, v in x.items() %}{{ k }}{% if not loop.last %},{% endif %}{% endfor %}", {"x": {"1": 1, "b": 2}}),
    ("{{ x == y }}{{ x in [y] }}{{ x | length }}", {"x": "é", "y": "e\u0301"}),
    ("{{ x }}", {"x": 12345678901}),
    ("{{ x | round(2) }} {{ x | string }} {{ x | tojson }}", {"x": 1234.5678}),
    ("{{ x | lower }}{{ x | upper }}{{ x | title }}{{ x.swapcase() }}", {"x": "ÀÉÎ straße ŉ Ωmega ﬃ"}),
    ("{{ x.split() }}", {"x": "a\u00a0b\u3000c\u200bd\x1ce"}),
    ("{{ x.strip() }}|{{ x | trim }}|", {"x": "\u3000\u00a0 x \ufeff\u2003"}),
    ("{{ [x] }}", {"x": "\u00a0\u00ad\u3000\ue000\U000e0001\x7f\x80é"}),
]


def cases():
    for line in EXPRESSIONS:
        yield "{{ " + line + " }}", {}
    for source in STATEMENTS:
        yield source, {}
    yield from EXTRA
