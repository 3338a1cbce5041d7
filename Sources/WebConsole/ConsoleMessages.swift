import Foundation
import RobotInterface

/// What a page asks for: one object of JSON a message.
package struct ConsoleRequest: Decodable, Sendable {
  /// What can be asked.
  package enum Kind: String, Decodable, Sendable {
    /// It has drawn update ``ConsoleRequest/update``, and may have the next.
    case drawn
    case stop
    case stopEverybody = "stop_everybody"
    case resume
    case admitNewcomers = "admit_newcomers"
  }

  /// A request is short.
  static let maximumBytes = 4096

  var kind: Kind
  var update: Int?
  var session: String?
  /// The operator's token, as hexadecimal digits.
  var token: String?

  /// Reads what a page has sent; `nil` where it is no request.
  package init?(text: String) {
    guard let request = try? JSONDecoder().decode(ConsoleRequest.self, from: Data(text.utf8)) else { return nil }
    self = request
  }

  /// Bytes of ``token``; `nil`: there is none, or it is none.
  package var tokenBytes: [UInt8]? {
    guard let digits = token.map({ Array($0.utf8) }), digits.count % 2 == 0,
      digits.count <= 2 * ProtocolLimits.maximumSessionTokenBytes
    else { return nil }
    let bytes = stride(from: 0, to: digits.count, by: 2).compactMap {
      UInt8(String(decoding: digits[$0..<($0 + 2)], as: UTF8.self), radix: 16)
    }
    return bytes.count * 2 == digits.count && !bytes.isEmpty ? bytes : nil
  }
}

/// What became of something that a page has asked for.
struct ConsoleAnswer: Encodable, Sendable {
  var type = "answer"
  /// As in ``ConsoleRequest/Kind``.
  var kind: String
  var session: String
  /// `nil`: it was done.
  var error: String?
}

/// What a page is told first.
struct ConsoleGreeting: Encodable, Sendable {
  struct Quantity: Encodable, Sendable {
    var name: String
    var unit: String
    var minimum: Double
    var maximum: Double

    init(_ quantity: Capabilities.Quantity) {
      (name, unit, minimum, maximum) = (quantity.name, quantity.unit, quantity.minimum, quantity.maximum)
    }
  }

  var type = "greeting"
  var policy: String
  var version: String
  var digest: String
  var actions: [Quantity]
  var state: [Quantity]
  var cameras: [String]
  /// Those in whose pictures commands are drawn.
  var projected: [String]
  var stages: [String] = Stage.allCases.map(\.name)
  var limits: [String] = LimitFlags.single.map(\.name)
  /// Whether there is an operator who may resume.
  var hasOperator: Bool
  /// Hz.
  var rate: Double
  var controlRate: Double
  /// ms; `nil`: not said.
  var deadline: Double?
}

/// What a page is told again and again: the state of all sessions that are shown. Their pictures follow in the same message.
struct ConsoleUpdate: Encodable, Sendable {
  struct Picture: Encodable, Sendable {
    var camera: String
    /// `rgb8`, `jpeg` or `png`.
    var encoding: String
    var width: Int
    var height: Int
    /// Bytes behind the text.
    var offset: Int
    var count: Int
  }

  struct Command: Encodable, Sendable {
    var values: [Double]
    var primitive: String
    /// Names of limits.
    var limited: [String]
  }

  struct Line: Encodable, Sendable {
    var camera: String
    /// Columns and rows as parts of the picture.
    var points: [[Double]]
  }

  struct Point: Encodable, Sendable {
    var question: String
    var camera: String
    var column: Double
    var row: Double
  }

  struct Refusal: Encodable, Sendable {
    var text: String
    /// ms
    var age: Double
  }

  struct Session: Encodable, Sendable {
    var name: String
    /// `flying`, `quiet`, `stopped` or `released`.
    var state: String
    var reason: String
    /// ms since it was heard of.
    var age: Double
    /// ms since its picture came; `nil`: there is none.
    var pictureAge: Double?
    var sequence: UInt64
    var instruction: String
    /// Answers a second.
    var rate: Double?
    /// ms from its observation to its commands.
    var answer: Double?
    /// ms of each stage.
    var stages: [Double]
    var chunks: Int
    var limits: [Int]
    var measured: [Double]
    var commands: [Command]
    var confidence: Double?
    var lines: [Line]
    var point: Point?
    var error: Refusal?
    /// New ones only.
    var pictures: [Picture]
  }

  var type = "update"
  var update: Int
  var sessions: [Session]
  /// Known, but not shown.
  var others: Int
  var stopsNewcomers: Bool
  /// Updates that this page was too slow for.
  var skipped: Int
}

extension LimitFlags {
  /// Of a single flag, for people.
  var name: String {
    switch self {
    case .range: "range"
    case .workspace: "workspace"
    case .speed: "speed"
    case .rotationRate: "rotation rate"
    case .jump: "jump"
    case .position: "position"
    case .rate: "rate"
    default: "\(rawValue)"
    }
  }

  /// Names of all that are set.
  var names: [String] { LimitFlags.single.filter(contains).map(\.name) }
}

extension Encodable {
  /// As JSON; numbers that JSON has no words for as text.
  var json: String {
    let encoder = JSONEncoder()
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }
}
