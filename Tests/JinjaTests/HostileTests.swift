// A hostile template ends in a typed error after bounded work: it exhausts neither stack, memory nor time.
import Testing

@testable import Jinja

@Suite("Hostile templates")
struct HostileTests {
    /// Templates that must end in `JinjaError.limit`.
    static let endless: [String] = [
        String(repeating: "{{ (", count: 1) + String(repeating: "(", count: 100_000),
        "{{ " + String(repeating: "(", count: 100_000) + "1" + String(repeating: ")", count: 100_000) + " }}",
        "{{ " + String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000) + " }}",
        "{{ " + String(repeating: "{1:", count: 50_000) + "1" + String(repeating: "}", count: 50_000) + " }}",
        "{{ " + String(repeating: "-", count: 100_000) + "1 }}",
        "{{ " + String(repeating: "not ", count: 50_000) + "1 }}",
        "{{ " + String(repeating: "1 if 1 else ", count: 20_000) + "1 }}",
        "{{ 1" + String(repeating: "+1", count: 100_000) + " }}",
        "{{ a" + String(repeating: ".a", count: 100_000) + " }}",
        "{{ a" + String(repeating: "[0]", count: 50_000) + " }}",
        "{{ a" + String(repeating: "()", count: 100_000) + " }}",
        "{{ a" + String(repeating: "|e", count: 100_000) + " }}",
        "{{ a" + String(repeating: " | e is none", count: 15_000) + " }}",
        "{{ 2" + String(repeating: "**2", count: 100_000) + " }}",
        "{{ 1" + String(repeating: " and 1", count: 40_000) + " }}",
        String(repeating: "{% if 1 %}", count: 20_000),
        String(repeating: "{% for x in [1] %}", count: 10_000),
        String(repeating: "{% macro f() %}", count: 10_000),
        "{% set " + String(repeating: "(", count: 100_000) + "a" + String(repeating: ")", count: 100_000) + " = 1 %}",
        "{% for " + String(repeating: "(", count: 100_000) + "a" + String(repeating: ")", count: 100_000) + " in b %}",
        String(repeating: "x", count: 600_000),
        "{{ range(10**12) }}",
        "{{ range(100001) | list }}",
        "{% for x in range(100000) %}{% for y in range(100000) %}{% endfor %}{% endfor %}",
        "{% for x in range(100000) %}{% for y in range(100000) %}{{ x * y }}{% endfor %}{% endfor %}",
        "{{ 'x' * 10**12 }}", "{{ [1] * 10**12 }}", "{{ [[1] * 1000] * 1000000 }}", "{{ (1, 2) * 10**10 }}",
        "{{ 10 ** 10 ** 10 }}", "{{ 2 ** 1000000 }}", "{{ 9999999999 * 9999999999 }}", "{{ 1 - 2**63 - 2**63 }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f(x) %}{{ f(x + 1) }}{{ f(x + 1) }}{% endmacro %}{{ f(0) }}",
        "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{% endmacro %}{{ f() }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s=[]) %}{% for i in range(100000) %}{% set ns.s = [ns.s] %}{% endfor %}",
        "{% set ns = namespace(s={}) %}{% for i in range(100000) %}{% set ns.s = {1: ns.s} %}{% endfor %}",
        "{% set ns = namespace(s=()) %}{% for i in range(100000) %}{% set ns.s = (ns.s,) %}{% endfor %}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(100000) %}{% set ns.s = ns.s | map('e') %}{% endfor %}{{ ns.s | list }}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s | tojson }}",
        "{% set ns = namespace(s=[1], t=[1]) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.s == ns.t }}",
        "{% set ns = namespace(s=(1, 2)) %}{% for i in range(60) %}{% set ns.s = (ns.s, ns.s) %}{% endfor %}{{ {ns.s: 1} }}",
        "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}",
        "{{ 'x' | center(10**11) }}", "{{ 'x' | indent(10**11, true) }}", "{{ 'x'.center(10**11) }}",
        "{{ 'x'.ljust(10**11) }}", "{{ 'x'.zfill(10**11) }}", "{{ '\\t'.expandtabs(10**11) }}",
        "{{ '%100000000000d' % 1 }}", "{{ '%*d' % (10**11, 1) }}", "{{ '%.100000000000f' % 1.5 }}",
        "{{ '{:100000000000}'.format(1) }}", "{{ '{:.1000000000f}'.format(1.5) }}",
        "{{ ('x' * 100000).replace('', 'y' * 10000) }}", "{{ ('x' * 100000) | replace('x', 'y' * 10000) }}",
        "{{ range(100000) | join('x' * 10000) }}", "{{ ('y' * 10000).join('x' * 100000) }}",
        "{{ [1] | batch(10**11, 0) | list }}", "{{ [1] | slice(10**11) | list }}", "{{ [1] | tojson(indent=10**11) }}",
        "{{ 1 | round(10**11) }}",
        "{% for x in range(100000) %}{{ 'x' * 1000 }}{% endfor %}",
        "{% for x in range(100000) %}{% set y = 'x' * 1000000 %}{% endfor %}",
        "{% for x in range(100000) %}{{ ('x' * 100000) | upper | length }}{% endfor %}",
        "{% for x in range(100000) %}{{ ('a' * 100000) in ('a' * 100000 ~ 'b') }}{% endfor %}",
        "{% for x in range(100000) %}{{ ('a' * 1000).split('a') | length }}{% endfor %}",
        "{% for x in range(100000) %}{{ range(100000) | list | length }}{% endfor %}",
        "{% for x in range(100000) %}{{ range(100000) | sort | first }}{% endfor %}",
        "{% for x in range(100000) %}{{ range(100000) | sum }}{% endfor %}",
        "{% for x in range(100000) %}{{ 99999 in range(100000) | list }}{% endfor %}",
        "{% set l = range(30000) | list %}{% for x in l %}{{ x in l }}{% endfor %}",
        "{% for x in range(100000) %}{{ cycler(*range(1000)).next() }}{% endfor %}",
    ]

    @Test("work, text and nesting without end are stopped")
    func endlessTemplates() {
        for source in Self.endless {
            let name = String(source.prefix(100))
            do throws(JinjaError) {
                let text = try Template(source).render([("a", .items([1, 2].map { .int($0) }))])
                Issue.record("\(name) wrote \(text.prefix(50))")
            } catch {
                if case .limit = error { continue }
                Issue.record("\(name): \(error)")
            }
        }
    }

    @Test("what Python would give away is refused or undefined")
    func noWayOut() {
        let sources = [
            "{{ ''.__class__ }}", "{{ {}['__class__'] }}", "{{ absent.__class__ }}", "{{ '{0.__class__}'.format(1) }}",
            "{{ ''.__class__.__mro__ }}", "{{ ''['__class__']['__base__'] }}", "{{ ().__class__.__bases__[0] }}",
            "{{ ''.__class__.__base__.__subclasses__() }}", "{{ range.__globals__.x }}",
            "{{ namespace.__init__.__globals__ }}",
            "{{ (''|attr('__class__')).x }}", "{{ [].append(1) }}", "{{ {}.update({}) }}", "{{ {}.pop('x') }}",
            "{{ lipsum() }}", "{{ ''.format.__self__.x }}",
            "{{ cycler.__init__.__globals__.os.popen('id').read() }}", "{{ self.__init__.x.y }}",
            "{% macro f() %}{% endmacro %}{{ f.__globals__.x }}", "{{ config.items() }}", "{{ request.x }}",
        ]
        for source in sources {
            do throws(JinjaError) {
                let text = try Template(source).render([])
                Issue.record("\(source) wrote \(text)")
            } catch {
                if case .runtime = error { continue }
                Issue.record("\(source): \(error)")
            }
        }
    }

    @Test("long chains of values that hold each other are freed without recursion")
    func chains() throws {
        let sources = [
            "{% set c = namespace(n=namespace()) %}{% for i in range(10000) %}{% set m = namespace() %}{% set t = c.n %}{% set t.x = m %}{% set c.n = m %}{% endfor %}",
            "{% set ns = namespace() %}{% for i in range(10000) %}{% set p = ns.m %}{% macro f() %}{{ p }}{% endmacro %}{% set ns.m = f %}{% endfor %}",
            "{% set ns = namespace(l=[]) %}{% for i in range(10000) %}{% for x in [ns.l] %}{% set ns.l = loop %}{% endfor %}{% endfor %}",
            "{% set ns = namespace() %}{% for i in range(10000) %}{% set m = namespace(x=[ns.x]) %}{% set ns.x = m %}{% endfor %}",
        ]
        for source in sources { #expect(try Template(source).render([]) == "") }
    }

    @Test("an honest template may work on a long conversation")
    func longConversation() throws {
        let message: Value = .object([("role", "user"), ("content", .text(String(repeating: "word ", count: 100)))])
        let source = """
            {% set ns = namespace(n=0) %}{% for m in messages %}{% if m.role == 'user' and m.content is string %}
            {%- set ns.n = ns.n + 1 %}{% endif %}<|{{ m.role }}|>{{ m.content | trim }}{% if not loop.last %}
            {% endif %}{% endfor %}{{ ns.n }}
            """
        let text = try Template(source).render([("messages", .items(Array(repeating: message, count: 5_000)))])
        #expect(text.hasSuffix("5000"))
    }

    @Test("an error names the line, and the message that a template raises is kept")
    func errors() {
        func error(_ source: String) -> JinjaError? {
            do throws(JinjaError) {
                _ = try Template(source).render([])
                return nil
            } catch { return error }
        }
        #expect(error("a\nb\n{{ raise_exception('no ' ~ 'way') }}") == .raised(line: 3, message: "no way"))
        #expect(error("a\n{{ x.y }}") == .runtime(line: 2, message: "'x' is undefined"))
        #expect(error("\n\n{% if %}")?.line == 3)
        #expect(error("{{ 'a' }}\n{% for x in [1] %}\n{{ x + 'a' }}\n{% endfor %}")?.line == 3)
        #expect(error("{{ 1 }}") == nil)
    }
}
