// Responsible for: whom the installed libzmq admits, in every state that a listening socket can be in. What trust is
// built on was measured on one version: on another it may be otherwise, and then nothing must be trusted.
import Testing

@testable import Transport

@Suite("Admission by the installed libzmq")
struct AdmissionTableTests {
    private static let admitted = AdmissionProbe.Outcome.admitted(user: nil)

    /// Handler, domain, enforcement, and what becomes of a key that nobody knows.
    static let table: [(AdmissionProbe.Verdict?, Bool, Bool, AdmissionProbe.Outcome)] = [
        (nil, false, false, admitted), (nil, true, false, admitted), (nil, true, true, .refused),
        (nil, false, true, admitted), (.refuse, false, true, admitted), (.refuse, false, false, .refused),
        (.refuse, true, false, .refused), (.refuse, true, true, .refused),
        (.admit, true, true, .admitted(user: AdmissionProbe.user)),
    ]

    @Test("The table of handler, domain and enforcement is as it was measured", arguments: table)
    func row(
        verdict: AdmissionProbe.Verdict?, hasDomain: Bool, isEnforced: Bool, expected: AdmissionProbe.Outcome
    ) throws {
        let probe = AdmissionProbe(.init(verdict: verdict, hasDomain: hasDomain, isEnforced: isEnforced))
        #expect(try probe.run() == expected)
    }

    @Test("Who has no key, or takes another for the listener, is refused whatever the guard says")
    func callers() throws {
        for verdict: AdmissionProbe.Verdict? in [nil, .admit, .refuse] {
            for caller in [AdmissionProbe.Caller.plain, .misled] {
                for hasDomain in [false, true] {
                    let probe = AdmissionProbe(
                        .init(verdict: verdict, hasDomain: hasDomain, isEnforced: hasDomain), caller: caller)
                    #expect(try probe.run() == .refused, "\(probe)")
                }
            }
        }
    }

    @Test("The installed libzmq is none that strangers can crash, and has CURVE")
    func library() {
        #expect(LibraryFacts.loaded.version >= LibraryFacts.oldestSafe && LibraryFacts.loaded.hasCurve)
        #expect(
            LibraryFacts.Version(4, 10, 0) > .init(4, 9, 9) && LibraryFacts.Version(4, 3, 2) < LibraryFacts.oldestSafe)
    }
}
