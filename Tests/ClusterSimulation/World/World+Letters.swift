// Responsible for: sending letters and handing them to who lives at their place. Must not know: what they mean.

extension World {
    /// Sends a letter to a process; nil: nobody listens there.
    func post(_ content: Content, from: Place, to: Place, _ link: Link, life: Int?) {
        guard let life, !network.isBlocked(from, to) else { return }
        var content = content
        if isCoded {
            do { content = try content.coded() } catch { note("\(from) sends \(to) what it refuses: \(error)") }
        }
        let letter = Letter(
            content: content, from: from, to: to, link: link, connection: network.connection(from, to, link),
            life: life)
        if content.isLarge { network.getStuck(from, to, link) }
        var delay = random.chance(3) ? random.milliseconds(10...80) : random.milliseconds(1...4)
        // Long enough that results arrive after their epoch.
        if link == .tokens, now < Self.quietTime, random.chance(2) { delay += random.milliseconds(100...500) }
        if link == .weights, content.isLarge, case .worker(let slot) = to, nodes[slot].hasSlowWeights {
            delay += random.milliseconds(100...400)
        }
        if !content.isHeartbeat { network.lettersUnderWay += 1 }
        queue.plan(.deliver(letter), at: network.arrival(from, to, link, at: now + delay))
    }

    func deliver(_ letter: Letter) {
        if !letter.content.isHeartbeat { network.lettersUnderWay -= 1 }
        guard network.arrives(letter) else { return }
        switch letter.to {
        case .coordinator: happen(.letter(letter), coordinatorLife: letter.life)
        case .worker(let slot): happen(.letter(letter), slot: slot, life: letter.life)
        case .client(let index): happen(.letter(letter), client: index, connection: letter.life)
        }
    }
}
