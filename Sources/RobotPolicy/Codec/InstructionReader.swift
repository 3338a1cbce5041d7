package import RobotInterface
package import UnifiedIO

/// Reads what a robot is asked to do, as a sentence, as text and images or as a sound, and checks that the policy takes it.
package struct InstructionReader: Sendable {
  /// `nil`: free text.
  private let known: KnownInstructions?
  /// Whether a sound may say the instruction.
  private let isHeard: Bool

  /// - Parameters:
  ///   - instructions: the sentences that the policy knows.
  ///   - audio: what it hears.
  package init(_ instructions: PolicySpecification.Instructions, audio: PolicySpecification.Audio? = nil) {
    isHeard = audio?.replacesInstruction ?? false
    known =
      switch instructions {
      case .free: nil
      case .known(let sentences): KnownInstructions(sentences)
      }
  }

  /// The instruction as it goes into the prompt: one of the known sentences in its trained form, or the user's words
  /// with single spaces between them.
  ///
  /// Images are named by markup of the model. It counts all frames of its history, of which those of cameras come
  /// first.
  ///
  /// - Parameters:
  ///   - observation: its instruction or its prompt parts are read.
  ///   - earlierFrames: history frames that the model sees before the prompt's images.
  /// - Returns: nothing where a sound says it.
  /// - Throws: ``RobotError`` `.invalidInstruction` for one that is empty, too long or has control characters, and for words beside
  ///   a sound that says the instruction; `.unknownInstruction` for one that the policy does not know.
  package func read(_ observation: Observation, after earlierFrames: Int) throws(RobotError) -> [PromptText.Part] {
    try observation.checkInstructionSize()
    if isHeard, observation.audio != nil {
      return try named(beside: observation, after: earlierFrames)
    }
    guard !observation.promptParts.isEmpty else {
      let sentence = try words(observation.instruction, "observation.instruction")
      return [.words(try trained(sentence, "observation.instruction"))]
    }
    return try read(observation.promptParts, after: earlierFrames)
  }

  /// Names of the images that a sound speaks of, in their order.
  private func named(
    beside observation: Observation, after earlierFrames: Int
  ) throws(RobotError) -> [PromptText.Part] {
    let hasWords = observation.promptParts.contains { if case .text = $0 { true } else { false } }
    guard observation.instruction.isEmpty, !hasWords else {
      // Nobody knows which of the two the policy would follow.
      throw Self.fault("observation.instruction", "expected words or a sound, found both; leave one of them out")
    }
    guard known == nil || observation.promptParts.isEmpty else {
      throw Self.fault(
        "observation.prompt", "the policy knows sentences, none of which has an image in it; leave the images out")
    }
    let names = observation.promptParts.indices.map {
      [PromptText.Part.markup("<image_history_\(earlierFrames + $0 + 1)>")]
    }
    return Array(names.joined(separator: [.markup(" ")]))
  }

  private func read(_ parts: [PromptPart], after earlierFrames: Int) throws(RobotError) -> [PromptText.Part] {
    let subject = "observation.prompt"
    var read: [PromptText.Part] = []
    var images = 0
    for (index, part) in parts.enumerated() {
      switch part {
      case .text(let text):
        let words = try folded(text, "\(subject)[\(index)]")
        if !words.isEmpty { read.append(.words(words)) }
      case .image:
        images += 1
        read.append(.markup("<image_history_\(earlierFrames + images)>"))
      }
    }
    let text = read.compactMap { if case .words(let words) = $0 { words } else { nil } }.joined(separator: " ")
    guard InstructionText.isVisible(text) else { throw Self.fault(subject, "expected a sentence, found none") }
    if known != nil {
      guard images == 0 else {
        throw unknown(text, subject, because: "the policy knows sentences, none of which has an image in it")
      }
      return [.words(try trained(text, subject))]
    }
    // A name has to have a space before it; the part before it is words or another name.
    return Array(read.map { [$0] }.joined(separator: [.markup(" ")]))
  }

  private func words(_ text: String, _ subject: String) throws(RobotError) -> String {
    let words = try folded(text, subject)
    guard InstructionText.isVisible(words) else {
      throw Self.fault(
        subject, isHeard ? "expected a sentence or a sound, found neither" : "expected a sentence, found none")
    }
    return words
  }

  private func folded(_ text: String, _ subject: String) throws(RobotError) -> String {
    guard let words = InstructionText.folded(text) else {
      throw Self.fault(subject, "expected a sentence without control characters")
    }
    return words
  }

  private func trained(_ sentence: String, _ subject: String) throws(RobotError) -> String {
    guard let known else { return sentence }
    guard let trained = known.trained(sentence) else {
      throw unknown(sentence, subject, because: "the policy was not trained on \"\(sentence.prefix(80))\"")
    }
    return trained
  }

  private func unknown(_ sentence: String, _ subject: String, because reason: String) -> RobotError {
    let nearest = known?.nearest(to: sentence).map { "\"\($0)\"" }.joined(separator: ", ") ?? ""
    return RobotError(.unknownInstruction, subject, "\(reason); the nearest sentences that it knows are \(nearest)")
  }

  private static func fault(_ subject: String, _ message: String) -> RobotError {
    RobotError(.invalidInstruction, subject, message)
  }
}
