// Responsible for: a worker's load of a stage. Must not know: who advances it (World+WorkerWeights), where weights lie.

import Cluster
import Wire

/// A load under way.
struct WeightLoad {
    let assign: Assign
    var fetch: WeightFetch
}
