/// An object and where it is.
public struct LocatedObject: Sendable, Hashable {
  /// In pixels of the original picture. The corners are as the model said them, as the reference hands them out; an untrained model
  /// may swap them, see ``PixelBox/ordered``.
  public var box: PixelBox
  /// What it is; `nil` where the task does not say.
  public var label: String?
  /// Geometric mean of the probabilities of the box's four tokens, 0...1.
  public var score: Double

  /// - Parameters:
  ///   - box: in pixels of the original picture.
  ///   - label: what it is.
  ///   - score: 0...1.
  public init(box: PixelBox, label: String? = nil, score: Double) {
    self.box = box
    self.label = label
    self.score = score
  }
}

/// The objects of an answer, in its order: surest first.
public struct LocatedObjects: Sendable, Hashable {
  /// Without those that ``NonMaximumSuppression`` drops.
  public var objects: [LocatedObject]
  /// What the model said.
  public var answer: TextAnswer

  /// - Parameters:
  ///   - objects: surest first.
  ///   - answer: what they were read from.
  public init(objects: [LocatedObject], answer: TextAnswer) {
    self.objects = objects
    self.answer = answer
  }
}

/// Tasks that answer with boxes.
extension TaskRunner {
  /// Finds the one region that an expression describes.
  ///
  /// The answer is four locations and EOS: 5 tokens. Whatever the model would say freely in that form, it also says under the grammar.
  ///
  /// - Parameter freeForm: lets the model say anything, as the reference does.
  /// - Throws: ``ModelError`` `.unexpectedAnswer` when it was free and is no box.
  public func region(
    of expression: String, in image: Image, freeForm: Bool = false, settings: TaskSettings = TaskSettings()
  ) throws(ModelError) -> LocatedObjects {
    let prompt = try TaskPrompts.refexp.text(settings.wording, about: expression)
    let placement = try placement(of: image)
    let answer = try answer(
      TaskInput(prompt: prompt, image: image), as: .refexp, settings,
      constraint: freeForm ? nil : LocationTemplate.box(tokenizer))
    let tokens = answer.generation.tokens
    let values = tokens.dropLast().compactMap(tokenizer.locationValue)
    guard tokens.count == 5, tokens.last == Tokenizer.eos, values.count == 4 else {
      throw ModelError(.unexpectedAnswer, "refexp", "expected four locations, the model said: \(answer.text)")
    }
    let object = LocatedObject(
      box: try placement.box(ofLocations: values), label: expression, score: answer.generation.score(of: 0..<4))
    return LocatedObjects(objects: [object], answer: answer)
  }

  /// Finds all regions of a category; at most 256 tokens.
  ///
  /// - Parameters:
  ///   - category: e.g. `person`.
  ///   - threshold: see ``LocationPreference``.
  ///   - overlap: of ``NonMaximumSuppression``; `nil`: every box stays.
  ///   - withoutCategory: does not ask the model to repeat the category; shorter, but not what the release evaluates with.
  /// - Throws: ``ModelError`` when the picture or the category cannot be read.
  public func regions(
    of category: String, in image: Image, threshold: Double = 0.3, overlap: Float? = 0.8,
    withoutCategory: Bool = false, settings: TaskSettings = TaskSettings()
  ) throws(ModelError) -> LocatedObjects {
    let prompts = withoutCategory ? TaskPrompts.localizationWithoutCategory : .localization
    let prompt = try prompts.text(settings.wording, about: category)
    let answer = try answer(
      TaskInput(prompt: prompt, image: image), as: .localization, settings,
      processor: try LocationPreference(checking: threshold, tokenizer))
    let objects = try boxes(in: answer, of: image, label: category)
    return LocatedObjects(objects: Self.suppressing(objects, overlap: overlap), answer: answer)
  }

  /// Finds and names all objects; at most 256 tokens. Not reliable on crowded pictures.
  ///
  /// - Parameters:
  ///   - categoriesOfCOCO: asks for the categories of COCO alone.
  ///   - threshold: see ``LocationPreference``.
  ///   - overlap: of ``NonMaximumSuppression``, whatever the labels; `nil`: every box stays.
  /// - Throws: ``ModelError`` when the picture cannot be read.
  public func objects(
    in image: Image, categoriesOfCOCO: Bool = false, threshold: Double = 0.5, overlap: Float? = 0.8,
    settings: TaskSettings = TaskSettings()
  ) throws(ModelError) -> LocatedObjects {
    let prompts = categoriesOfCOCO ? TaskPrompts.detectionOfCOCO : .detection
    let placement = try placement(of: image)
    let answer = try answer(
      TaskInput(prompt: try prompts.text(settings.wording), image: image), as: .detection, settings,
      processor: try LocationPreference(checking: threshold, tokenizer))
    var objects: [LocatedObject] = []
    for (run, label) in tokenizer.labelledLocations(in: answer.generation.tokens, count: 4) {
      objects.append(
        LocatedObject(
          box: try placement.box(ofLocations: run.values), label: label,
          score: answer.generation.score(of: run.places)))
    }
    return LocatedObjects(objects: Self.suppressing(objects, overlap: overlap), answer: answer)
  }

  /// Every four consecutive locations of an answer as a box; fewer at the end of a run are bad form and passed over.
  ///
  /// - Parameters:
  ///   - image: that the answer is about.
  ///   - label: of all boxes.
  /// - Throws: ``ModelError`` `.invalidImage` when the picture is too narrow to be scaled.
  public func boxes(
    in answer: TextAnswer, of image: Image, label: String? = nil
  ) throws(ModelError) -> [LocatedObject] {
    let placement = try placement(of: image)
    var objects: [LocatedObject] = []
    for run in tokenizer.locationRuns(in: answer.generation.tokens) {
      for start in stride(from: 0, to: run.values.count - 3, by: 4) {
        let place = run.places.lowerBound + start
        objects.append(
          LocatedObject(
            box: try placement.box(ofLocations: Array(run.values[start..<start + 4])), label: label,
            score: answer.generation.score(of: place..<place + 4)))
      }
    }
    return objects
  }

  private static func suppressing(_ objects: [LocatedObject], overlap: Float?) -> [LocatedObject] {
    guard let overlap else { return objects }
    return NonMaximumSuppression.kept(objects.map(\.box), threshold: overlap).map { objects[$0] }
  }
}

extension LocationPreference {
  fileprivate init(checking threshold: Double, _ tokenizer: Tokenizer) throws(ModelError) {
    guard threshold >= 0, threshold <= 1 else {
      throw ModelError(.invalidInput, "threshold", "must be between 0 and 1, found \(threshold)")
    }
    self.init(locations: tokenizer.locationTokens, threshold: threshold)
  }
}
