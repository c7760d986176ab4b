// Responsible for: for how many layers workers have room to keep what goes into them. Must not know: which layers these are.

import Sequences
import Wire

extension ModelShape {
    private func outputsRoom(_ memoryBytes: UInt64, less needed: UInt64, blockCount: Int) -> Int {
        Int(clamping: (memoryBytes - min(needed, memoryBytes)) / max(1, outputBytes(blockCount: blockCount)))
    }

    /// At stages of a plan that take the places of all others.
    func outputsRoom(in plan: Plan, _ members: [Member]) -> KeyValueHolders.Room {
        { share in
            guard let member = members.first(where: { $0.id == share.worker }) else { return 0 }
            let needed = stageBytes(of: share.layers, blockCount: plan.blockCount, threads: member.join.threads)
            return outputsRoom(member.join.memoryBytes, less: needed, blockCount: plan.blockCount)
        }
    }

    /// At stages of a plan beside those of the one that serves, and what these keep.
    func outputsRoom(in plan: Plan, beside serving: Deployment, _ members: [Member]) -> KeyValueHolders.Room {
        let alone = outputsRoom(in: plan, members)
        return { share in
            guard let member = members.first(where: { $0.id == share.worker }),
                let others = serving.plan.layers(of: share.worker)
            else { return alone(share) }
            let needed = bytes(
                of: share.layers, beside: others, blockCount: plan.blockCount, threads: member.join.threads,
                outputs: serving.stage(of: share.worker)?.keeping.outputs.count ?? 0)
            return outputsRoom(member.join.memoryBytes, less: needed, blockCount: plan.blockCount)
        }
    }
}
