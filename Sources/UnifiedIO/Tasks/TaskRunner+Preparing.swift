/// An example as the model takes it in: tokens and patches, whose number does not depend on the files that they came from.
public struct PreparedTask: Sendable {
  /// What the answer is.
  public let target: TargetModality
  /// What the encoder is given.
  var input: ModelInput
  /// Where the picture, or the last frame of the video, lies on the model's canvas; `nil` without one.
  let placement: ImagePlacement?
  /// Whether there is neither picture nor sound.
  let isTextOnly: Bool
}

extension TaskRunner {
  /// Tokenizes the prompt and cuts pictures and sound into patches. It reads no weights, so any thread may do it beside the model.
  ///
  /// - Parameter target: what the answer shall be.
  /// - Throws: as ``encode(_:target:)``.
  public func prepare(_ input: TaskInput, target: TargetModality = .text) throws(ModelError) -> PreparedTask {
    let seen = input.image ?? input.video?.withoutBlackBars().frames.last
    var shape: ImagePlacement?
    if let seen { shape = try placement(of: seen) }
    return PreparedTask(
      target: target, input: try modelInput(input, target: target), placement: shape,
      isTextOnly: input.image == nil && input.video == nil && input.sound == nil && input.history.isEmpty)
  }

  /// As ``follow(_:settings:)``, of an example that was prepared for text.
  public func follow(
    _ task: PreparedTask, settings: TaskSettings = TaskSettings()
  ) throws(ModelError) -> TextAnswer {
    try settings.check(constrained: false)
    return try answer(from: try encode(task, for: .text), as: .instruction, settings)
  }

  /// As ``makePicture(for:settings:)``, of an example that was prepared for an image.
  public func makePicture(
    for task: PreparedTask, settings: MediaSettings = MediaSettings()
  ) throws(ModelError) -> Image {
    try paint(settings) { () throws(ModelError) in task }.quantized()
  }

  /// As ``makeSound(for:vocoder:settings:)``, of an example that was prepared for audio.
  public func makeSound(
    for task: PreparedTask, vocoder: Vocoder? = nil, settings: MediaSettings = MediaSettings()
  ) throws(ModelError) -> Sound {
    try makeSound(vocoder: vocoder, settings) { () throws(ModelError) in task }
  }

  /// - Throws: ``ModelError`` `.invalidInput` when the task was prepared for another kind of answer, whose prompt begins otherwise.
  func encode(_ task: PreparedTask, for target: TargetModality) throws(ModelError) -> EncodedInput {
    guard task.target == target else {
      throw ModelError(.invalidInput, "task", "was prepared to answer with \(task.target), not with \(target)")
    }
    return try model.encode(task.input)
  }
}
