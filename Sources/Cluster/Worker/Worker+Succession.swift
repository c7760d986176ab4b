// Responsible for: a worker's part when one coordinator takes over from another: whom it follows, and what it says to a
// candidate. Must not know: where coordinators are, files.

import Wire

extension Worker {
    /// What is known of terms among the coordinators that it is about to connect to: before `.connected`.
    package mutating func know(_ grants: TermGrants) { self.grants = grants }

    /// Nothing that is on its way counts any more, and nobody is followed. What is loaded stays.
    mutating func detach() {
        attachment = .unconnected
        beat = 0
        for index in stages.indices { stages[index].forgetSteps() }
    }

    /// Whether a coordinator of this term may be followed; a later one is known from now on.
    mutating func follow(_ term: Term) -> Bool {
        let known = grants
        let follows = grants.follow(term)
        if follows {
            // Else it would have been silent since the one before was heard.
            grants.hear()
            if grants.term != known.term { act(.keepGrants(grants)) }
        } else {
            act(.log(.warning, "left a coordinator of \(term): \(grants.term) was granted to another"))
        }
        return follows
    }

    /// A standby asks to be followed.
    mutating func consider(_ candidate: Candidate) {
        let known = grants
        guard grants.grant(candidate.term, to: candidate.key) else { return }
        // Steps of the coordinator before lead nowhere.
        dropPrepared()
        stages = []
        links.end()
        if grants != known { act(.keepGrants(grants)) }
        act(.send(.granted(candidate.term)))
    }

    /// Its coordinator hands over.
    mutating func followSuccessor(_ place: CoordinatorPlace) {
        act(.log(.info, "the coordinator hands over to the one at \(place.endpoint)"))
        grants.release()
        detach()
        act(.follow(place))
    }

    /// This one serves nobody, or nobody that may be followed: perhaps another does.
    mutating func leaveCoordinator() {
        detach()
        act(.follow(nil))
    }
}
