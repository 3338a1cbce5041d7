/// The few calls that state dictionaries make, done by hand.
extension PickleMachine {
  /// REDUCE: callable and arguments become a value.
  mutating func reduce() throws(ImportError) {
    let arguments = try pop(), callable = try pop()
    guard case .global(let global) = callable, case .tuple(let index) = arguments else {
      throw malformed("calls \(callable.kind) with \(arguments.kind)")
    }
    let values = tuples[index]
    switch global {
    case .orderedDictionary:
      try pushDictionary(values)
    case .rebuildTensor, .rebuildTensorV2:
      guard values.count >= 4 else { throw malformed("rebuilds a tensor from \(values.count) values") }
      try pushTensor(values)
    case .rebuildParameter, .rebuildParameterWithState:
      guard case .tensor? = values.first else { throw malformed("rebuilds a parameter from what is not a tensor") }
      stack.append(values[0])
    case .size:
      guard values.count == 1 else { throw malformed("makes a size from \(values.count) values") }
      push(tuple: try elements(of: values[0]))
    case .storage(let type):
      throw ImportError(
        .refused, "torch.\(type.name)", "is called by the pickle in \(path); storages are referred to, not made")
    }
  }

  /// BUILD: state dictionaries carry attributes (`_metadata`) that weights do not need; nothing else may be built.
  mutating func build() throws(ImportError) {
    let state = try pop()
    guard case .dictionary? = stack.last, stack.count > (marks.last ?? 0) else {
      throw ImportError(
        .refused, "BUILD", "sets the state of \(stack.last?.kind ?? "nothing"), which is not a dictionary")
    }
    guard case .dictionary = state else { throw malformed("the state of a dictionary is \(state.kind)") }
  }

  private mutating func pushDictionary(_ arguments: [PickleValue]) throws(ImportError) {
    var pairs: [(key: PickleValue, value: PickleValue)] = []
    if let first = arguments.first {
      let given = try elements(of: first)
      copiedPairs += given.count
      guard copiedPairs <= Self.maximumCopiedPairs else {
        throw malformed("makes dictionaries of more than \(Self.maximumCopiedPairs) pairs")
      }
      for pair in given {
        let members = try elements(of: pair)
        guard members.count == 2 else { throw malformed("makes a dictionary from \(members.count) values a pair") }
        pairs.append((members[0], members[1]))
      }
    }
    dictionaries.append(pairs)
    stack.append(.dictionary(dictionaries.count - 1))
  }

  private func elements(of value: PickleValue) throws(ImportError) -> [PickleValue] {
    switch value {
    case .tuple(let index): return tuples[index]
    case .list(let index): return lists[index]
    default: throw malformed("expects a tuple or list, finds \(value.kind)")
    }
  }

  private func integers(_ value: PickleValue) throws(ImportError) -> [Int] {
    let elements = try elements(of: value)
    // More dimensions than anybody uses; a limit keeps the numbers below small.
    guard elements.count <= 16 else { throw malformed("a tensor has \(elements.count) dimensions") }
    var result: [Int] = []
    for element in elements {
      guard case .integer(let number) = element, number >= 0 else {
        throw malformed("a dimension or stride of a tensor is not a natural number")
      }
      result.append(number)
    }
    return result
  }

  private mutating func pushTensor(_ values: [PickleValue]) throws(ImportError) {
    guard case .storage(let index) = values[0], case .integer(let offset) = values[1], offset >= 0 else {
      throw malformed("a tensor's storage or offset is not one")
    }
    let shape = try integers(values[2]), strides = try integers(values[3])
    guard shape.count == strides.count else {
      throw malformed("a tensor has \(shape.count) dimensions, \(strides.count) strides")
    }
    var count = 1, last = offset, isEmpty = false
    for (size, stride) in zip(shape, strides) {
      let (product, tooMany) = count.multipliedReportingOverflow(by: max(size, 1))
      let (reach, tooFar) = max(size - 1, 0).multipliedReportingOverflow(by: stride)
      let (end, beyond) = last.addingReportingOverflow(reach)
      guard !tooMany, !tooFar, !beyond else { throw malformed("a tensor of shape \(shape) is impossible") }
      (count, last) = (product, end)
      if size == 0 { isEmpty = true }
    }
    guard isEmpty || last < storages[index].view.count else {
      throw malformed(
        "a tensor of shape \(shape), strides \(strides) and offset \(offset) leaves its storage of \(storages[index].view.count) elements"
      )
    }
    let isNegated = values.count > 6 ? try isNegated(values[6], type: storages[index].type) : false
    tensors.append(
      TensorReference(storage: index, offset: offset, shape: shape, strides: strides, isNegated: isNegated))
    stack.append(.tensor(tensors.count - 1))
  }

  /// Reads the marks of `_rebuild_tensor_v2`: what is to be done with the numbers when the tensor is looked at.
  ///
  /// - Throws: ``ImportError`` `.refused` for a mark that is not known, since the numbers would not be those that were saved.
  private func isNegated(_ marks: PickleValue, type: StorageType) throws(ImportError) -> Bool {
    if case .none = marks { return false }
    guard case .dictionary(let index) = marks else { throw malformed("the marks of a tensor are \(marks.kind)") }
    var isNegated = false
    for (key, value) in dictionaries[index] {
      guard case .string(let name) = key, case .bool(let isSet) = value else {
        throw malformed("a mark of a tensor is \(value.kind) under \(key.kind)")
      }
      guard isSet else { continue }
      // Only the sign of floating-point numbers is a bit of their own.
      guard name == "neg", type.element != nil else {
        throw ImportError(
          .refused, name.asQuoted,
          "marks a tensor of torch.\(type.name) in \(path), which is not known here; \(Self.advice(for: name))"
        )
      }
      isNegated = true
    }
    return isNegated
  }

  /// What to save instead of a tensor with a mark.
  private static func advice(for mark: String) -> String {
    switch mark {
    case "neg": "save it after .resolve_neg()"
    case "conj": "save it after .resolve_conj()"
    default: "save its numbers themselves, as torch.tensor(x.tolist()) makes them"
    }
  }

  /// BINPERSID: `('storage', type, key, location, elements[, view])`.
  mutating func pushStorage(_ identifier: PickleValue) throws(ImportError) {
    guard case .tuple(let index) = identifier, tuples[index].count >= 5 else {
      throw malformed("a persistent id is \(identifier.kind), not a storage")
    }
    let values = tuples[index]
    guard case .string("storage") = values[0], case .global(.storage(let type)) = values[1],
      case .string(let key) = values[2], case .integer(let count) = values[4], count >= 0
    else { throw malformed("a persistent id does not describe a storage") }
    guard count.multipliedReportingOverflow(by: type.size).overflow == false else {
      throw malformed("storage \(key.asQuoted) has \(count) elements")
    }
    var view = 0..<count
    if values.count > 5, case .tuple(let index) = values[5] {
      guard tuples[index].count == 3, case .integer(let offset) = tuples[index][1],
        case .integer(let length) = tuples[index][2], offset >= 0, length >= 0, offset <= count,
        length <= count - offset
      else { throw malformed("the view of storage \(key.asQuoted) leaves it") }
      view = offset..<offset + length
    }
    storages.append(StorageReference(key: key, type: type, count: count, view: view))
    stack.append(.storage(storages.count - 1))
  }
}
