/// Tasks that answer in plain words: questions, captions, activities, instructions.
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

  /// Describes a film in a sentence; at most 64 tokens. Its sound is not listened to, as in the release.
  ///
  /// - Throws: ``ModelError`` when the film cannot be read.
  public func caption(_ video: Video, settings: TaskSettings = TaskSettings()) throws(ModelError) -> TextAnswer {
    let prompt = try TaskPrompts.videoCaption.text(settings.wording)
    return try answer(TaskInput(prompt: prompt, video: video.withoutSound), as: .videoCaption, settings)
  }

  /// Names what is being done in a film; at most 16 tokens. Its sound is not listened to, as in the release.
  ///
  /// - Throws: ``ModelError`` when the film cannot be read.
  public func activity(in video: Video, settings: TaskSettings = TaskSettings()) throws(ModelError) -> TextAnswer {
    let prompt = try TaskPrompts.videoTagging.text(settings.wording)
    return try answer(TaskInput(prompt: prompt, video: video.withoutSound), as: .videoTagging, settings)
  }

  /// Describes a sound in a sentence; at most 64 tokens.
  ///
  /// - Throws: ``ModelError`` when the sound cannot be read.
  public func caption(_ sound: Sound, settings: TaskSettings = TaskSettings()) throws(ModelError) -> TextAnswer {
    let prompt = try TaskPrompts.audioCaption.text(settings.wording)
    return try answer(TaskInput(prompt: prompt, sound: sound), as: .audioCaption, settings)
  }

  /// Follows any instruction, said to the model as it is; at most 512 tokens.
  ///
  /// - Throws: ``ModelError`` when the example cannot be read.
  public func follow(_ input: TaskInput, settings: TaskSettings = TaskSettings()) throws(ModelError) -> TextAnswer {
    try answer(input, as: .instruction, settings)
  }
}
