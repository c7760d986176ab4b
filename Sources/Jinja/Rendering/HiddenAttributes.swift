// Responsible for: what values have in Python and a template may not reach.
// Must not know: what a template may reach.

/// Names of attributes that the sandbox keeps from templates.
enum HiddenAttributes {
    /// What every Python object has.
    static let ofEveryObject: Set<Text> = [
        "__class__", "__delattr__", "__dir__", "__doc__", "__eq__", "__format__", "__ge__", "__getattribute__",
        "__getstate__", "__gt__", "__hash__", "__init__", "__init_subclass__", "__le__", "__lt__", "__module__",
        "__ne__", "__new__", "__reduce__", "__reduce_ex__", "__repr__", "__setattr__", "__sizeof__", "__str__",
        "__subclasshook__",
    ]
    /// That and what some have.
    static let all = ofEveryObject.union([
        "__dict__", "__globals__", "__code__", "__call__", "__getitem__", "__len__", "__iter__", "__self__", "__func__",
    ])

    private static let changingDictionary: Set<Text> = ["clear", "pop", "popitem", "setdefault", "update"]
    private static let changingList: Set<Text> = [
        "append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort",
    ]

    private static let nothing: Set<Text> = []

    /// Methods that would change `value`: they exist, but may not be called.
    static func mutating(_ value: Value) -> Set<Text> {
        switch value {
        case .dictionary: changingDictionary
        case .list: changingList
        default: nothing
        }
    }
}
