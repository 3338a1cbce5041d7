/// The tasks of the release.
public enum TaskKind: String, Sendable, Hashable, CaseIterable {
  case vqa
  case caption
  case refexp
  case localization
  case detection
  case keypoints
  case boxClassification = "box-classification"
  case categorization
  case instruction
  case action
  case videoCaption = "video-caption"
  case videoTagging = "video-tagging"
  case audioCaption = "audio-caption"
  case depth
  case surfaceNormals = "surface-normals"
  case segmentation
  case imageGeneration = "image-generation"
  case imageEditing = "image-editing"
  case inpainting
  case audioGeneration = "audio-generation"

  /// One line for people.
  public var summary: String {
    switch self {
    case .vqa: "answer a question about a picture in a few words"
    case .caption: "describe a picture in a sentence"
    case .refexp: "find the one region that an expression describes"
    case .localization: "find all regions of a category"
    case .detection: "find and name all objects"
    case .keypoints: "find the 17 joints of a person, or of all persons"
    case .boxClassification: "name the object in a box"
    case .categorization: "pick the category of a picture from a list"
    case .instruction: "follow any instruction in words"
    case .action: "say the next action of a robot as numbers"
    case .videoCaption: "describe a video in a sentence"
    case .videoTagging: "name the activity in a video"
    case .audioCaption: "describe a sound in a sentence"
    case .depth: "estimate the distance of every pixel"
    case .surfaceNormals: "estimate the direction of every surface"
    case .segmentation: "mark the pixels of an object"
    case .imageGeneration: "paint a picture from words"
    case .imageEditing: "change a picture as an instruction says"
    case .inpainting: "fill a region of a picture anew"
    case .audioGeneration: "make a sound from words"
    }
  }

  /// What the task reads besides its words.
  public var input: Medium {
    switch self {
    case .videoCaption, .videoTagging: .video
    case .audioCaption: .audio
    case .instruction, .imageGeneration, .audioGeneration: .text
    default: .image
    }
  }

  /// What the task answers with.
  public var output: Medium {
    switch self {
    case .depth, .surfaceNormals, .segmentation, .imageGeneration, .imageEditing, .inpainting: .image
    case .audioGeneration: .audio
    default: .text
    }
  }

  /// Most tokens of the answer unless the caller says otherwise: the released runner's numbers. Scoring says none; a picture and a
  /// sound always have so many.
  public var maximumTokens: Int {
    switch self {
    case .vqa: 32
    case .caption, .videoCaption, .audioCaption: 64
    case .refexp: 5
    case .localization, .detection, .action: 256
    case .keypoints: 128
    case .boxClassification: 32
    case .categorization: 0
    case .videoTagging: 16
    case .instruction: 512
    case .audioGeneration: 512
    case .depth, .surfaceNormals, .segmentation, .imageGeneration, .imageEditing, .inpainting: 1024
    }
  }
}
