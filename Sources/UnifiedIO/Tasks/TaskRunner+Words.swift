/// Tasks that answer in plain words: questions, captions, instructions.
extension TaskRunner {
  /// Answers a question about a picture in a few words; at most 32 tokens.
  ///
  /// - Throws: ``ModelError`` when the picture or the question cannot be read.
  public func answer(
    question: String, about image: Image, settings: TaskSettings = TaskSettings()
  ) throws(ModelError) -> TextAnswer {
    let prompt = try TaskPrompts.vqa.text(settings.wording, about: question)
    return try answer(TaskInput(prompt: prompt, image: image), as: .vqa, settings)
  }

  /// Describes a picture in a sentence, as the captions of COCO do; at most 64 tokens.
  ///
  /// - Throws: ``ModelError`` when the picture cannot be read.
  public func caption(_ image: Image, settings: TaskSettings = TaskSettings()) throws(ModelError) -> TextAnswer {
    let prompt = try TaskPrompts.caption.text(settings.wording)
    return try answer(TaskInput(prompt: prompt, image: image), as: .caption, settings)
  }

  /// Follows any instruction, said to the model as it is; at most 512 tokens.
  ///
  /// - Throws: ``ModelError`` when the example cannot be read.
  public func follow(_ input: TaskInput, settings: TaskSettings = TaskSettings()) throws(ModelError) -> TextAnswer {
    try answer(input, as: .instruction, settings)
  }
}
