public import MessagePack

/// vla-eval's messages as bytes, protocol version 1, on the server's side and without the socket.
public struct VLACodec: Sendable, Hashable {
  /// The only version that there is.
  public static let protocolVersion = 1
  /// Numbers of state that are read from one observation at most.
  public static let maximumState = 4096

  /// Which key is what.
  public var keys: VLAKeys
  /// What a message may cost.
  public var limits: MessagePackLimits

  /// A codec with this naming.
  public init(keys: VLAKeys, limits: MessagePackLimits = MessagePackLimits()) {
    self.keys = keys
    self.limits = limits
  }

  // MARK: From the harness

  /// Reads a frame.
  ///
  /// - Throws: a ``VLAError`` with the frame's sequence number, for ``error(_:answering:at:)``.
  public func frame(_ bytes: [UInt8]) throws(VLAError) -> VLAFrame {
    var sequence = 0
    do throws(MessagePackError) {
      let map = try MessagePackValue(decoding: bytes, limits: limits).requireMap()
      sequence = try map.require("seq") { value throws(MessagePackError) in try value.requireWhole() }
      let kind = try map.require("type") { value throws(MessagePackError) in try value.requireText() }
      let sentAt = try map.require("timestamp") { value throws(MessagePackError) in try value.requireNumber() }
      let body = try map.require("payload") { value throws(MessagePackError) in
        try self.body(kind, value.requireMap())
      }
      return VLAFrame(body: body, sequence: sequence, sentAt: sentAt)
    } catch {
      throw VLAError(error, sequence: sequence)
    }
  }

  private func body(_ kind: String, _ payload: MessagePackMap) throws(MessagePackError) -> VLAFrame.Body {
    switch kind {
    case "hello": return try hello(payload)
    case "episode_start": return .episodeStart(try episode(payload))
    case "observation": return .observation(try observation(payload))
    case "episode_end":
      guard case .map(let metrics)? = payload["metrics"] else { return .episodeEnd(succeeded: nil) }
      let succeeded: Bool? =
        switch metrics["success"] {
        case .bool(let success)?: success
        case let value?: value.number.map { $0 > 0 }
        case nil: nil
        }
      return .episodeEnd(succeeded: succeeded)
    case "error": return .error(payload["error"]?.string ?? "")
    default:
      throw MessagePackError(
        .wrongType, "", "a frame of an unknown type; expected hello, episode_start, observation, episode_end or error")
    }
  }

  private func hello(_ payload: MessagePackMap) throws(MessagePackError) -> VLAFrame.Body {
    let version = try payload.require("protocol_version") { value throws(MessagePackError) in try value.requireWhole() }
    guard version == Self.protocolVersion else {
      throw MessagePackError(
        .wrongType, "protocol_version", "version \(version) is not spoken here; expected \(Self.protocolVersion)")
    }
    return .hello(version: payload["harness_version"]?.string ?? "", benchmark: payload["benchmark"]?.string)
  }

  private func episode(_ payload: MessagePackMap) throws(MessagePackError) -> VLAEpisode {
    let task = try payload.optional("task") { value throws(MessagePackError) in
      if case .map(let task) = value { return task["name"]?.string ?? "" }
      return value.string ?? ""
    }
    let isLive = try payload.optional("mode") { value throws(MessagePackError) in
      switch value {
      case .text("live"): true
      case .text("sync"), .none: false
      default: throw MessagePackError(.wrongType, "", "expected live or sync, or no mode for a harness that waits")
      }
    }
    return VLAEpisode(task: task ?? "", isLive: isLive ?? false)
  }

  private func observation(_ payload: MessagePackMap) throws(MessagePackError) -> VLAObservation {
    let pictures = keys.cameras.isEmpty ? [] : try payload.require("images", pictures)
    var state: [Double] = []
    if let first = keys.state.first {
      let key = keys.state.first { payload[$0] != nil } ?? first
      state = try payload.require(key) { value throws(MessagePackError) in
        let array = try NumericArray(value)
        guard array.count <= Self.maximumState else {
          throw MessagePackError(.tooLarge, "", "more than \(Self.maximumState) numbers of state")
        }
        return array.doubles
      }
    }
    let instruction = try payload.optional(keys.instruction) { value throws(MessagePackError) in try value.requireText()
    }
    return VLAObservation(pictures: pictures, state: state, instruction: instruction)
  }

  private func pictures(_ value: MessagePackValue) throws(MessagePackError) -> [VLAObservation.Picture] {
    let images = try value.requireMap()
    if keys.cameras.count == 1, images.entries.count == 1, images[keys.cameras[0].key] == nil,
      let only = images.entries[0].key.string
    {
      let image = try images.require(only, Self.image)
      return [VLAObservation.Picture(camera: keys.cameras[0].name, image: image)]
    }
    var pictures: [VLAObservation.Picture] = []
    for camera in keys.cameras {
      guard images[camera.key] != nil else {
        let expected = keys.cameras.map(\.key).joined(separator: ", ")
        throw MessagePackError(
          .missingKey, camera.key, "the observation lacks it; expected \(expected); found \(images.foundNames)")
      }
      pictures.append(.init(camera: camera.name, image: try images.require(camera.key, Self.image)))
    }
    return pictures
  }

  /// A picture in vla-eval's own wrapping, or any other that ``WireImage`` reads.
  private static func image(_ value: MessagePackValue) throws(MessagePackError) -> WireImage {
    guard case .map(let map) = value, map["__image__"] != nil else { return try WireImage(value) }
    let format = try map.require("format") { value throws(MessagePackError) in try value.requireText() }
    if format == "raw" {
      let raw = MessagePackMap(
        [.init(.text("__ndarray__"), .bool(true))] + map.entries.filter { $0.key.string != "__image__" })
      return try WireImage(NumericArray(raw))
    }
    let image = try map.require("data") { value throws(MessagePackError) in
      try WireImage(file: value.requireBinary())
    }
    switch (format, image) {
    case ("jpeg", .jpeg), ("png", .png): return image
    case ("jpeg", _), ("png", _): throw MessagePackError(.invalidImage, "data", "the bytes are no \(format) file")
    default: throw MessagePackError(.invalidImage, "format", "expected raw, jpeg or png")
    }
  }

  // MARK: To the harness

  /// Who the server is.
  public func hello(_ server: VLAServer, answering sequence: Int, at seconds: Double) throws(VLAError) -> [UInt8] {
    var payload: [MessagePackMap.Entry] = [
      .init(.text("harness_version"), .text(server.harnessVersion)),
      .init(.text("protocol_version"), .integer(Int64(Self.protocolVersion))),
      .init(.text("model_server"), .text(server.name)),
      .init(.text("capabilities"), .map(MessagePackMap(server.facts.sorted { $0.key < $1.key }.map(Self.text)))),
    ]
    if !server.observationOptions.isEmpty {
      let options = server.observationOptions.sorted { $0.key < $1.key }
      payload.append(
        .init(
          .text("observation_params"), .map(MessagePackMap(options.map { .init(.text($0.key), .bool($0.value)) }))))
    }
    for (key, parts) in [("action_spec", server.action), ("observation_spec", server.observation)] where !parts.isEmpty
    {
      let specifications = parts.map { MessagePackMap.Entry(.text($0.key), $0.specification.messagePack) }
      payload.append(.init(.text(key), .map(MessagePackMap(specifications))))
    }
    return try message("hello", MessagePackMap(payload), sequence, seconds)
  }

  private static func text(_ pair: (key: String, value: String)) -> MessagePackMap.Entry {
    .init(.text(pair.key), .text(pair.value))
  }

  /// The answer to an observation.
  public func action(_ action: VLAAction, answering sequence: Int, at seconds: Double) throws(VLAError) -> [UInt8] {
    let array: NumericArray
    do throws(MessagePackError) {
      array = try NumericArray(action.values, shape: action.shape)
    } catch {
      throw VLAError(error, sequence: sequence)
    }
    let extras = action.extras.sorted { $0.key < $1.key }
    let payload =
      [MessagePackMap.Entry(.text("actions"), array.messagePack(.vlaEval))]
      + extras.map { .init(.text($0.key), .double($0.value)) }
    return try message("action", MessagePackMap(payload), sequence, seconds)
  }

  /// Why there is no action; the connection goes on.
  ///
  /// - Parameter text: an error as one line, without internals.
  public func error(_ text: String, answering sequence: Int, at seconds: Double) throws(VLAError) -> [UInt8] {
    try message("error", MessagePackMap(["error": .text(text)]), sequence, seconds)
  }

  private func message(
    _ kind: String, _ payload: MessagePackMap, _ sequence: Int, _ seconds: Double
  ) throws(VLAError) -> [UInt8] {
    do throws(MessagePackError) {
      return try MessagePackValue.map([
        "type": .text(kind), "payload": .map(payload), "seq": .integer(Int64(sequence)), "timestamp": .double(seconds),
      ]).encoded()
    } catch {
      throw VLAError(error, sequence: sequence)
    }
  }
}

/// What a benchmark does next.
public struct VLAAction: Sendable, Hashable {
  /// In physical units.
  public var values: [Float]
  /// `[dimensions]` for one action, `[length, dimensions]` for a chunk. Benchmarks of vla-eval apply what they get in one step, so most
  /// want one action.
  public var shape: [Int]
  /// Further plain numbers.
  public var extras: [String: Double]

  /// Collects the parts.
  public init(_ values: [Float], shape: [Int], extras: [String: Double] = [:]) {
    self.values = values
    self.shape = shape
    self.extras = extras
  }
}
