public import RobotInterface

/// The sentences of the Unified-IO 2 paper for VIMA-Bench:
/// `1: pick from ( x y r ) and place to ( x y r ) 2: push from ( x y r ) and push to ( x y r )`, with `<extra_id_k>` for numbers.
public enum PickAndPlaceSentence {
  /// The text of some steps, numbered from 1.
  public static func text(of steps: [PickAndPlaceStep]) -> String {
    steps.enumerated().map { index, step in
      "\(opening(index + 1, step.primitive)) \(words(step.from)) \(middle(step.primitive)) \(words(step.to)) \(closing)"
    }.joined(separator: " ")
  }

  /// Reads a text.
  ///
  /// - Parameter text: words may be separated by any white space.
  /// - Returns: at least one step.
  /// - Throws: ``RobotError`` `.invalidAction` naming the first word that is not as expected: steps must count up from 1, and the last
  ///   one must be whole.
  public static func parse(_ text: String) throws(RobotError) -> [PickAndPlaceStep] {
    var words = text.split(whereSeparator: \.isWhitespace)[...]
    var steps: [PickAndPlaceStep] = []
    repeat {
      let number = steps.count + 1
      try take(["\(number):"], from: &words, step: number)
      guard let verb = words.first, let primitive = PickAndPlaceStep.Primitive(verb: verb) else {
        throw fault("\"pick\" or \"push\"", words.first, step: number)
      }
      // The opening begins with the number, which is taken already.
      try take(
        opening(number, primitive).split(separator: " ").dropFirst().map(String.init), from: &words, step: number)
      let from = try pose(from: &words, step: number)
      try take(middle(primitive).split(separator: " ").map(String.init), from: &words, step: number)
      let to = try pose(from: &words, step: number)
      try take([closing], from: &words, step: number)
      steps.append(PickAndPlaceStep(primitive, from: from, to: to))
    } while !words.isEmpty
    return steps
  }

  /// The words of step `number` before its first number.
  static func opening(_ number: Int, _ primitive: PickAndPlaceStep.Primitive) -> String {
    "\(number): \(primitive.verbs.from) from ("
  }

  /// The words between the two poses.
  static func middle(_ primitive: PickAndPlaceStep.Primitive) -> String { ") and \(primitive.verbs.to) to (" }

  /// The word after the second pose.
  static let closing = ")"

  private static func words(_ pose: PickAndPlaceStep.Pose) -> String {
    pose.bins.map(LocationCodec.text).joined(separator: " ")
  }

  private static func take(
    _ expected: [String], from words: inout ArraySlice<Substring>, step: Int
  ) throws(RobotError) {
    for word in expected {
      guard let found = words.first, found == word else { throw fault("\"\(word)\"", words.first, step: step) }
      words.removeFirst()
    }
  }

  private static func pose(
    from words: inout ArraySlice<Substring>, step: Int
  ) throws(RobotError) -> PickAndPlaceStep.Pose {
    var bins: [Int] = []
    while bins.count < 3 {
      guard let word = words.first, let bin = LocationCodec.bin(of: word) else {
        throw fault("a location <extra_id_200>...<extra_id_1199>", words.first, step: step)
      }
      bins.append(bin)
      words.removeFirst()
    }
    return PickAndPlaceStep.Pose(x: bins[0], y: bins[1], rotation: bins[2])
  }

  private static func fault(_ expected: String, _ found: Substring?, step: Int) -> RobotError {
    .invalidAnswer("expected \(expected) in step \(step), found \(found.map { "\"\($0.prefix(40))\"" } ?? "the end")")
  }
}

extension PickAndPlaceStep.Primitive {
  /// By the first verb of a step.
  fileprivate init?(verb: Substring) {
    guard let primitive = Self.allCases.first(where: { $0.verbs.from == verb }) else { return nil }
    self = primitive
  }
}
