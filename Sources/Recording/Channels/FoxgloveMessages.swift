import RobotInterface

/// What viewers show, as Foxglove's schemas have it. Times are nanoseconds since 1970.
enum FoxgloveMessages {
  /// The levels of `foxglove.Log`.
  enum Level: UInt64 {
    case debug = 1, info, warning, error
  }

  /// A `foxglove.CompressedImage`, or a `foxglove.RawImage` of pixels that are not packed.
  static func image(_ frame: CameraFrame, at time: UInt64) -> [UInt8] {
    var message = ProtobufBytes()
    message.append(1, timestamp: time)
    switch frame.encoding {
    case .jpeg, .png:
      message.append(2, bytes: frame.data)
      message.append(3, frame.encoding == .jpeg ? "jpeg" : "png")
      message.append(4, frame.camera)
    case .rgb8:
      message.append(2, fixed: UInt32(clamping: frame.width))
      message.append(3, fixed: UInt32(clamping: frame.height))
      message.append(4, "rgb8")
      message.append(5, fixed: UInt32(clamping: frame.width * 3))
      message.append(6, bytes: frame.data)
      message.append(7, frame.camera)
    }
    return message.bytes
  }

  /// A `foxglove.JointStates`: each measured number under its name.
  static func jointStates(_ values: [Double], names: [String], at time: UInt64) -> [UInt8] {
    var message = ProtobufBytes()
    message.append(1, timestamp: time)
    for (name, value) in zip(names, values) {
      message.append(2) {
        $0.append(1, name)
        $0.append(2, double: value)
      }
    }
    return message.bytes
  }

  /// A `foxglove.PoseInFrame` of a place; which way the tool points is not in it.
  static func pose(_ position: [Double], frame: String, at time: UInt64) -> [UInt8] {
    var message = ProtobufBytes()
    message.append(1, timestamp: time)
    message.append(2, frame)
    message.append(3) {
      $0.append(1) { for (place, value) in position.prefix(3).enumerated() { $0.append(place + 1, double: value) } }
      $0.append(2) { $0.append(4, double: 1) }
    }
    return message.bytes
  }

  /// A `foxglove.Log`.
  static func log(_ level: Level, _ text: String, name: String, at time: UInt64) -> [UInt8] {
    var message = ProtobufBytes()
    message.append(1, timestamp: time)
    message.append(2, varint: level.rawValue)
    message.append(3, text)
    message.append(4, name)
    return message.bytes
  }
}
