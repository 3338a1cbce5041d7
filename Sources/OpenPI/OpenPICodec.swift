public import MessagePack

/// openpi's messages as bytes: what a websocket server of openpi says and understands, without the socket.
///
/// In order: the server's ``metadata(_:)`` when a connection opens; then, in turn, an observation from the client and a ``reply(_:)`` or the
/// text of an ``OpenPIError``.
public struct OpenPICodec: Sendable, Hashable {
  /// Numbers of state that are read from one observation at most.
  public static let maximumState = 4096

  /// Which key is what.
  public var keys: OpenPIKeys
  /// What a message may cost.
  public var limits: MessagePackLimits

  /// A codec with this naming.
  public init(keys: OpenPIKeys, limits: MessagePackLimits = MessagePackLimits()) {
    self.keys = keys
    self.limits = limits
  }

  // MARK: From the client

  /// Reads an observation. Keys that nobody asked for are left alone.
  ///
  /// - Throws: an ``OpenPIError`` that names the key at fault, and all that are expected if one is missing.
  public func observation(_ bytes: [UInt8]) throws(OpenPIError) -> OpenPIObservation {
    let map = try MessagePackValue(decoding: bytes, limits: limits).requireMap()
    var pictures: [OpenPIObservation.Picture] = []
    for camera in keys.cameras {
      let image = try require(camera.key, of: map) { value throws(MessagePackError) in try WireImage(value) }
      pictures.append(OpenPIObservation.Picture(camera: camera.name, image: image))
    }
    var state: [Double] = []
    for key in keys.state {
      state += try require(key, of: map) { value throws(MessagePackError) in try numbers(value, upTo: state.count) }
    }
    let prompt = try map.optional(keys.prompt) { value throws(MessagePackError) in try value.requireText() }
    let begins = try map.optional("reset") { value throws(MessagePackError) in try truth(value) } ?? false
    return OpenPIObservation(pictures: pictures, state: state, prompt: prompt, beginsEpisode: begins)
  }

  /// A truth value, also as NumPy has it (`np.True_`, an array of one) or as a number 0 or 1.
  private func truth(_ value: MessagePackValue) throws(MessagePackError) -> Bool {
    if case .bool(let truth) = value { return truth }
    let numbers = (try? NumericArray(value))?.doubles ?? []
    guard numbers == [0] || numbers == [1] else {
      throw MessagePackError(.wrongType, "", "expected true or false")
    }
    return numbers == [1]
  }

  private func numbers(_ value: MessagePackValue, upTo taken: Int) throws(MessagePackError) -> [Double] {
    let array = try NumericArray(value)
    guard array.count <= Self.maximumState - taken else {
      throw MessagePackError(.tooLarge, "", "more than \(Self.maximumState) numbers of state")
    }
    return array.doubles
  }

  private func require<Result>(
    _ key: String, of map: MessagePackMap, _ read: (MessagePackValue) throws(MessagePackError) -> Result
  ) throws(MessagePackError) -> Result {
    if map[key] != nil { return try map.require(key, read) }
    let parts = key.split(separator: "/", maxSplits: 1).map(String.init)
    if parts.count == 2, case .map(let inner)? = map[parts[0]], inner[parts[1]] != nil {
      return try map.require(parts[0]) { _ throws(MessagePackError) in try inner.require(parts[1], read) }
    }
    let expected = (keys.required + ["\(keys.prompt) (optional)"]).joined(separator: ", ")
    throw MessagePackError(
      .missingKey, key, "the observation lacks it; expected \(expected); found \(map.foundNames)")
  }

  // MARK: To the client

  /// The first frame of a connection: what the server wants to say of itself, plain values by name.
  public func metadata(_ values: KeyValuePairs<String, MessagePackValue> = [:]) throws(OpenPIError) -> [UInt8] {
    try encoded(.map(MessagePackMap(values)))
  }

  /// The answer to an observation.
  public func reply(_ reply: OpenPIReply) throws(OpenPIError) -> [UInt8] {
    let actions = try NumericArray(reply.actions, shape: [reply.horizon, reply.dimensions])
    var entries: [MessagePackMap.Entry] = [.init(.text("actions"), actions.messagePack(.openpi))]
    entries.append(.init(.text("server_timing"), Self.map(reply.serverTiming)))
    entries.append(.init(.text("policy_timing"), Self.map(reply.policyTiming)))
    entries += reply.extras.sorted { $0.key < $1.key }.map { .init(.text($0.key), .double($0.value)) }
    return try encoded(.map(MessagePackMap(entries)))
  }

  private static func map(_ numbers: [String: Double]) -> MessagePackValue {
    .map(MessagePackMap(numbers.sorted { $0.key < $1.key }.map { .init(.text($0.key), .double($0.value)) }))
  }

  private func encoded(_ value: MessagePackValue) throws(OpenPIError) -> [UInt8] {
    return try value.encoded()
  }
}

/// A chunk of actions as openpi answers.
///
/// `ActionChunkBroker` cuts every array of a reply along its first axis: so nothing but the actions is an array here.
public struct OpenPIReply: Sendable, Hashable {
  /// `[horizon, dimensions]`, in physical units.
  public var actions: [Float]
  /// Actions in the chunk.
  public var horizon: Int
  /// Numbers of one action.
  public var dimensions: Int
  /// Milliseconds by name; openpi's clients tabulate `infer_ms`.
  public var serverTiming: [String: Double]
  /// Milliseconds by name; openpi's clients tabulate `infer_ms`.
  public var policyTiming: [String: Double]
  /// Further plain numbers, such as a deadline. No name may be that of a field above.
  public var extras: [String: Double]

  /// Collects the parts.
  public init(
    actions: [Float], horizon: Int, dimensions: Int, serverTiming: [String: Double] = [:],
    policyTiming: [String: Double] = [:], extras: [String: Double] = [:]
  ) {
    self.actions = actions
    self.horizon = horizon
    self.dimensions = dimensions
    self.serverTiming = serverTiming
    self.policyTiming = policyTiming
    self.extras = extras
  }
}
