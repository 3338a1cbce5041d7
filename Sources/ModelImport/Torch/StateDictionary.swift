/// The tensors of a state dictionary by name: the saved object itself, or what lies under one of the usual keys in it.
struct StateDictionary {
  /// Indices into the machine's tensors.
  private(set) var tensors: [String: Int] = [:]

  private static let wrappers = ["state_dict", "model_state_dict", "model", "module", "generator"]

  /// - Throws: ``ImportError`` `.unknownFormat` when the object is no state dictionary, `.surplusTensor` for a name that occurs twice.
  init(_ machine: PickleMachine, _ root: PickleValue) throws(ImportError) {
    func unknown(_ message: String) -> ImportError { ImportError(.unknownFormat, machine.path, message) }
    guard case .dictionary(var index) = root else {
      throw unknown("holds \(root.kind), not a state dictionary")
    }
    let isFlat = machine.dictionaries[index].contains { if case .tensor = $0.value { true } else { false } }
    if !isFlat {
      let nested = machine.dictionaries[index].first {
        if case .string(let key) = $0.key, case .dictionary = $0.value { Self.wrappers.contains(key) } else { false }
      }
      guard case .dictionary(let inner)? = nested?.value else {
        throw unknown(
          "holds a dictionary without tensors, and none of the keys \(Self.wrappers.joined(separator: ", "))")
      }
      index = inner
    }
    for (key, value) in machine.dictionaries[index] {
      guard case .string(let name) = key else { throw unknown("has \(key.kind) for the name of a tensor") }
      guard case .tensor(let tensor) = value else {
        throw unknown("has \(value.kind) under \(name.asQuoted), where a tensor should be")
      }
      guard tensors.updateValue(tensor, forKey: name) == nil else {
        throw ImportError(.surplusTensor, name.asQuoted, "is in \(machine.path) twice")
      }
    }
    // Training on several devices wraps the model once more.
    let wrapped = "module."
    if !tensors.isEmpty, tensors.keys.allSatisfy({ $0.hasPrefix(wrapped) }) {
      tensors = Dictionary(uniqueKeysWithValues: tensors.map { (String($0.dropFirst(wrapped.count)), $1) })
    }
  }
}
