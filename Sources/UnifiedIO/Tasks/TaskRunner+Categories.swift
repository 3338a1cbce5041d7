/// How answer options end when they are scored.
public enum AnswerEnding: String, Sendable, Hashable, CaseIterable {
  /// Two EOS tokens, both scored: what the released runner does, by accident, and so what its numbers were made with.
  case released
  /// One EOS, as in training.
  case single
}

/// An answer option and how unlikely the model finds it.
public struct ScoredOption: Sendable, Hashable {
  /// As it was given.
  public var text: String
  /// By token.
  public var loss: TextLoss

  /// - Parameters:
  ///   - text: as it was given.
  ///   - loss: by token.
  public init(text: String, loss: TextLoss) {
    self.text = text
    self.loss = loss
  }
}

/// Options, held against each other.
public struct Categorization: Sendable, Hashable {
  /// In the order in which they were given.
  public var options: [ScoredOption]
  /// What ``best`` goes by.
  public var reduction: LossReduction

  /// - Parameters:
  ///   - options: in the order in which they were given.
  ///   - reduction: what they are compared by.
  public init(options: [ScoredOption], reduction: LossReduction) {
    self.options = options
    self.reduction = reduction
  }

  /// The option with the smallest loss, the first of equals; `nil` without options.
  public var best: ScoredOption? {
    options.min { $0.loss.reduced(reduction) < $1.loss.reduced(reduction) }
  }
}

/// Tasks that name what a picture shows.
extension TaskRunner {
  /// Scores answer options for any prompt. The example is encoded once, each option costs one pass of the decoder.
  ///
  /// - Parameters:
  ///   - options: at least one, none of them empty.
  ///   - input: the example.
  ///   - reduction: what the options are compared by; the released runner averages over tokens.
  ///   - ending: with how many EOS.
  /// - Throws: ``ModelError`` `.invalidInput` without options or for an empty one.
  public func score(
    _ options: [String], for input: TaskInput, reduction: LossReduction = .average, ending: AnswerEnding = .single,
    settings: TaskSettings = TaskSettings()
  ) throws(ModelError) -> Categorization {
    guard !options.isEmpty else { throw ModelError(.invalidInput, "options", "there is nothing to choose from") }
    var tokens: [[Int32]] = []
    for option in options {
      let words = tokenizer.encode(option)
      guard !words.isEmpty else { throw ModelError(.invalidInput, "options", "option \(tokens.count + 1) is empty") }
      tokens.append(words + Array(repeating: Tokenizer.eos, count: ending == .released ? 2 : 1))
    }
    let encoded = try encode(input), total = options.count
    let losses = try model.score(
      options: tokens, given: encoded,
      onOption: settings.onProgress.map { report in
        { report(TaskProgress(unit: .options, done: $0, total: total)) }
      })
    return Categorization(
      options: zip(options, losses).map { ScoredOption(text: $0, loss: $1) }, reduction: reduction)
  }

  /// Picks the category of a picture.
  ///
  /// - Parameters:
  ///   - options: what it may be.
  ///   - ending: the released runner's two EOS unless told otherwise.
  /// - Throws: as ``score(_:for:reduction:ending:settings:)``.
  public func category(
    of image: Image, among options: [String], reduction: LossReduction = .average, ending: AnswerEnding = .released,
    settings: TaskSettings = TaskSettings()
  ) throws(ModelError) -> Categorization {
    let prompt = try TaskPrompts.categorization.text(settings.wording)
    return try score(
      options, for: TaskInput(prompt: prompt, image: image), reduction: reduction, ending: ending, settings: settings)
  }

  /// Picks the category of what is in a box; otherwise as ``category(of:among:reduction:ending:settings:)``.
  public func category(
    in box: PixelBox, of image: Image, among options: [String], reduction: LossReduction = .average,
    ending: AnswerEnding = .released, settings: TaskSettings = TaskSettings()
  ) throws(ModelError) -> Categorization {
    let prompt = try TaskPrompts.boxClassification.text(settings.wording)
    return try score(
      options, for: TaskInput(prompt: prompt, image: image, box: box), reduction: reduction, ending: ending,
      settings: settings)
  }

  /// Names what is in a box in the model's own words; at most 32 tokens.
  ///
  /// - Throws: ``ModelError`` when the box shows nothing of the picture.
  public func name(
    in box: PixelBox, of image: Image, settings: TaskSettings = TaskSettings()
  ) throws(ModelError) -> TextAnswer {
    let prompt = try TaskPrompts.boxClassification.text(settings.wording)
    return try answer(TaskInput(prompt: prompt, image: image, box: box), as: .boxClassification, settings)
  }
}
