/// The tensors of a state dictionary by name: the saved object itself, or what lies under one of the usual keys in it.
struct StateDictionary {
  /// Indices into the machine's tensors.
  private(set) var tensors: [String: Int] = [:]

  private static let wrappers = ["state_dict", "model_state_dict", "model", "module", "generator"]
  /// Trainers wrap what trainers have wrapped, but not often.
  private static let deepestWrapper = 3

  /// - Throws: ``ImportError`` `.unknownFormat` when the object is no state dictionary, or more than one, `.surplusTensor` for a name
  ///   that occurs twice.
  init(_ machine: PickleMachine, _ root: PickleValue) throws(ImportError) {
    func unknown(_ message: String) -> ImportError { ImportError(.unknownFormat, machine.path, message) }
    guard case .dictionary(let root) = root else {
      throw unknown("holds \(root.kind), not a state dictionary")
    }
    guard let index = try Self.weights(in: root, machine, depth: 0) else {
      throw unknown("holds a dictionary without tensors, and none of the keys \(Self.wrappers.joined(separator: ", "))")
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
  }

  /// The dictionary of the weights: one under a usual key comes before tensors beside it, which are a trainer's (a step, the state of
  /// random numbers).
  private static func weights(
    in index: Int, _ machine: PickleMachine, depth: Int
  ) throws(ImportError) -> Int? {
    var found: [(key: String, index: Int)] = []
    for case (.string(let key), .dictionary(let inner)) in machine.dictionaries[index]
    where wrappers.contains(key) && depth < deepestWrapper {
      guard let weights = try weights(in: inner, machine, depth: depth + 1) else { continue }
      if !found.contains(where: { $0.index == weights }) { found.append((key, weights)) }
    }
    guard found.count < 2 else {
      throw ImportError(
        .unknownFormat, machine.path,
        "holds weights under \(found[0].key) and under \(found[1].key); save the ones that are meant alone")
    }
    if let only = found.first { return only.index }
    return machine.dictionaries[index].contains { if case .tensor = $0.value { true } else { false } } ? index : nil
  }
}

/// What is put before the names of all tensors of a model that something was wrapped around.
enum NamePrefix {
  /// Training on several devices, a compiled model, a trainer's module.
  private static let known = ["module.", "_orig_mod.", "model."]

  /// The longest row of known prefixes that all names begin with; empty when there is none.
  static func shared(by names: some Collection<String>) -> String {
    var prefix = ""
    while let next = known.first(where: { next in
      !names.isEmpty && names.allSatisfy { $0.hasPrefix(prefix + next) && $0.count > prefix.count + next.count }
    }) {
      prefix += next
    }
    return prefix
  }
}
