import Testing
import UnifiedIO

/// How tasks are put into words.
@Suite struct TaskPromptsTests {
  private static let all: [TaskPrompts] = [
    .vqa, .caption, .refexp, .localization, .localizationWithoutCategory, .detection, .detectionOfCOCO, .keypoints,
    .boxClassification, .categorization, .videoCaption, .videoTagging, .audioCaption, .depth, .surfaceNormals,
    .segmentation, .segmentationOfBox, .segmentationOfExpression, .imageGeneration, .imageEditing, .inpainting,
    .inpaintingOfBox, .audioGeneration,
  ]

  @Test func theReleasedWordingComesFirst() throws {
    #expect(try TaskPrompts.vqa.text(0, about: "Who?") == "Who? A short answer to the question is")
    #expect(try TaskPrompts.refexp.text(0, about: "a {box}") == "Which region does the text \"a {box}\" describe?")
    #expect(try TaskPrompts.caption.text(0) == "Caption this image.")
    #expect(
      try TaskPrompts.segmentation.text(0, about: "cat") == "Segment the object in this bounding box: {box} cat")
    #expect(try TaskPrompts.imageGeneration.text(0, about: "a fox") == "Generate an image matching this text: a fox")
  }

  @Test func everyWordingHasThePlacesOfTheReleasedOne() {
    for prompts in Self.all {
      #expect(!prompts.own.isEmpty)
      for wording in prompts.all {
        for place in ["{}", "{box}"] { #expect(wording.contains(place) == prompts.released.contains(place)) }
        #expect(wording.contains("{}") == (wording.split(separator: "{}", omittingEmptySubsequences: false).count == 2))
      }
    }
  }

  /// A marker without a space before it would be read as letters.
  @Test func everyMarkerIsATokenOfItsOwn() throws {
    let tokenizer = try TinyTasks.tokenizer()
    let markers = try ["<image_input>", "<audio_input>"].map { ($0, try #require(tokenizer.encode($0).first)) }
    for prompts in Self.all {
      for number in prompts.all.indices {
        let text = try prompts.text(number, about: "thing")
        let boxed = text.replacing("{box}", with: LocationText.text(values: [0.1, 0.2, 0.3, 0.4]))
        let tokens = tokenizer.encode(boxed)
        for (name, marker) in markers { #expect(tokens.contains(marker) == text.contains(name), "\(text)") }
        #expect(tokens.count(where: tokenizer.locationTokens.contains) == (text.contains("{box}") ? 4 : 0), "\(text)")
      }
    }
  }

  @Test func wordingsThatAreNotThereAreErrors() {
    #expect(throws: ModelError.self) { try TaskPrompts.caption.text(-1) }
    #expect(throws: ModelError.self) { try TaskPrompts.caption.text(TaskPrompts.caption.all.count) }
  }
}
