import RobotInterface

/// What a console knows of one session.
struct WatchedSession: Sendable {
  /// Answers that a rate is reckoned from.
  private static let rateWindow = 32

  let name: String
  /// Nanoseconds on ``MonotonicClock``: when anything came from its owner last.
  var lastSeen: UInt64
  var isStopped = false
  var stopReason = ""
  /// Nobody owns it any more.
  var isReleased = false
  /// The last one that its owner has sent.
  private(set) var observation: Observation?
  /// When it came.
  private(set) var observedAt: UInt64 = 0
  /// The last commands, and when they left.
  private(set) var chunk: ActionChunk?
  private(set) var answeredAt: UInt64 = 0
  private(set) var answerTime: UInt64 = 0
  private(set) var chunks = 0
  /// How many actions each limit has changed, in the order of `LimitFlags.single`.
  private(set) var limitCounts = [Int](repeating: 0, count: LimitFlags.single.count)
  /// What was refused last, and when.
  private(set) var error: RobotError?
  private(set) var errorAt: UInt64 = 0
  /// What the model said when it was asked where something is.
  var pointing: Pointing?
  private var answers: [UInt64] = []

  init(_ name: String, at now: UInt64) {
    self.name = name
    lastSeen = now
  }

  mutating func see(_ observation: Observation, at time: UInt64) {
    self.observation = observation
    observedAt = time
  }

  mutating func take(_ chunk: ActionChunk, answering arrival: UInt64, at now: UInt64) {
    (self.chunk, answeredAt, answerTime, chunks) = (chunk, now, now &- min(now, arrival), chunks + 1)
    for action in chunk.actions where !action.limited.isEmpty {
      for (place, flag) in LimitFlags.single.enumerated() where action.limited.contains(flag) {
        limitCounts[place] += 1
      }
    }
    answers.append(now)
    if answers.count > Self.rateWindow { answers.removeFirst(answers.count - Self.rateWindow) }
  }

  mutating func refuse(_ error: RobotError, at now: UInt64) { (self.error, errorAt) = (error, now) }

  /// Answers a second, over the last few; `nil`: too few, or none of late.
  func rate(at now: UInt64) -> Double? {
    guard let first = answers.first, let last = answers.last, last > first, now &- min(now, last) < 2_000_000_000
    else { return nil }
    return Double(answers.count - 1) * 1e9 / Double(last - first)
  }

  /// Bytes of pictures that are kept for it.
  var pictureBytes: Int { observation?.frames.reduce(0) { $0 + $1.data.count } ?? 0 }

  /// Forgets the pictures, and nothing else.
  mutating func dropPictures() { observation?.frames = [] }
}

/// An answer to “Where is …?”: two location tokens, a row and a column.
struct Pointing: Sendable, Hashable {
  var question: String
  /// The camera of the picture that was asked about, or whatever it was called.
  var camera: String
  /// Parts of the picture, 0...1.
  var column: Double
  var row: Double

  /// - Returns: `nil` unless the answer is a place.
  init?(_ request: GenerationRequest, _ result: GenerationResult) {
    let words = result.text.replacing("><", with: "> <").split(whereSeparator: \.isWhitespace)
    let bins = words.compactMap { word -> Int? in
      guard word.hasPrefix("<extra_id_"), word.hasSuffix(">"), let number = Int(word.dropFirst(10).dropLast()),
        (200..<1200).contains(number)
      else { return nil }
      return number - 200
    }
    guard let picture = request.images.last, bins.count == 2, words.count == 2,
      request.prompt.lowercased().hasPrefix("where")
    else { return nil }
    (question, camera) = (request.prompt, picture.camera)
    (row, column) = (Double(bins[0]) / 999, Double(bins[1]) / 999)
  }
}
