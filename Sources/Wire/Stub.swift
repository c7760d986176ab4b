extension ControlRequest { package func encode() -> [UInt8] { [] }; package init(decoding bytes: [UInt8]) throws(WireError) { throw WireError("") } }
extension WorkerCommand { package func encode() -> [UInt8] { [] }; package init(decoding bytes: [UInt8]) throws(WireError) { throw WireError("") } }
extension ClientReply { package func encode() -> [UInt8] { [] }; package init(decoding bytes: [UInt8]) throws(WireError) { throw WireError("") } }
extension Forward { package func encode() -> [UInt8] { [] }; package init(decoding bytes: [UInt8]) throws(WireError) { throw WireError("") } }
extension StepResult { package func encode() -> [UInt8] { [] }; package init(decoding bytes: [UInt8]) throws(WireError) { throw WireError("") } }
extension Fetch { package func encode() -> [UInt8] { [] }; package init(decoding bytes: [UInt8]) throws(WireError) { throw WireError("") } }
extension Chunk { package func encode() -> [UInt8] { [] }; package init(decoding bytes: [UInt8]) throws(WireError) { throw WireError("") } }
