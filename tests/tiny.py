"""Networks of every kind, small enough for a test: (system, variant, options, image shape)."""

TEXT = {"embed_dim": 24, "width": 64, "heads": 2, "layers": 2, "vocab_size": 200, "context_length": 16}
CLIP_TEXT = {
    "embed_dim": 24,
    "text_width": 64,
    "text_heads": 2,
    "text_layers": 2,
    "vocab_size": 200,
    "context_length": 16,
}
VIT = {"patch_size": 16, "width": 64, "layers": 4, "heads": 2, "grid": 4}
DECODER = {"hooks": (0, 1, 2, 3), "widths": (8, 16, 24, 32), "resample": (4, 2, 1, -2), "features": 16}

TINY = {
    "clip_vit": (
        "clip",
        "ViT-B/16",
        {"image_resolution": 32, "vision_layers": 2, "vision_width": 64, **CLIP_TEXT},
        (2, 3, 32, 32),
    ),
    "clip_resnet": (
        "clip",
        "RN50",
        {"image_resolution": 64, "vision_layers": (1, 2, 1, 1), "vision_width": 8, **CLIP_TEXT},
        (2, 3, 64, 64),
    ),
    "lseg_vit": ("lseg", "clip_vitl16_384", {"image": VIT, "text": TEXT, **DECODER}, (2, 3, 64, 96)),
    "lseg_vit_b32": (
        "lseg",
        "clip_vitb32_384",
        {"image": VIT | {"patch_size": 32}, "text": TEXT, **DECODER, "resample": (8, 4, 2, 1)},
        (1, 3, 96, 64),
    ),
    "lseg_patch8": (
        "lseg",
        "custom",
        {
            "image": VIT | {"patch_size": 8, "grid": 8},
            "text": TEXT,
            **DECODER,
            "resample": (2, 1, -2, -4),
        },
        (2, 3, 64, 64),
    ),
    "lseg_bottleneck": (
        "lseg",
        "clip_vitl16_384",
        {"image": VIT, "text": TEXT, **DECODER, "arch_option": 1, "block_depth": 2, "activation": "tanh"},
        (1, 3, 64, 64),
    ),
    "lseg_depthwise": (
        "lseg",
        "clip_vitl16_384",
        {"image": VIT, "text": TEXT, **DECODER, "arch_option": 2, "block_depth": 3},
        (1, 3, 64, 64),
    ),
    "lseg_resnet": (
        "lseg",
        "clip_resnet101",
        {"image": (1, 1, 1, 1), "widths": (32, 64, 128, 256), "features": 16, "text": TEXT},
        (2, 3, 64, 96),
    ),
}

MIT = {"widths": (8, 16, 40, 64), "depths": (1, 2, 1, 1), "drop_path": 0.0}
RESNET = {"depths": (1, 1, 2, 2), "width": 8}

# the same for networks that take images alone
WORDLESS = {
    "segformer": (
        "segformer",
        "mit_b0",
        {"backbone": MIT, "features": 16, "classes": 5, "scale": (80, 64)},
        (2, 3, 64, 96),
    ),
    "mit": ("mit", "mit_b0", MIT, (2, 3, 57, 90)),
    "resnet_v1c": ("resnet", "resnet101_v1c", RESNET, (2, 3, 64, 48)),
    "resnet": ("resnet", "resnet50", RESNET, (2, 3, 57, 64)),
}

_OPENED = {"embed_dim": 24, "text": TEXT}

# MaskCLIPs, none of whose parameters is trained
MASKCLIP = {
    "maskclip_vit": (
        "maskclip",
        "ViT-B/16",
        {"image_resolution": 64, "vision_layers": 2, "vision_width": 64, "vision_heads": 2, **_OPENED},
        (2, 3, 50, 90),
    ),
    "maskclip_resnet": (
        "maskclip",
        "RN50",
        {"vision_layers": (1, 2, 1, 1), "vision_width": 8, "vision_heads": 4, **_OPENED},
        (2, 3, 65, 98),
    ),
    "maskclip_refined": (
        "maskclip",
        "ViT-B/32",
        {
            "image_resolution": 64,
            "vision_layers": 2,
            "vision_width": 64,
            "vision_heads": 2,
            "pd_thresh": 0.5,
            "ks_thresh": 1.0,
            **_OPENED,
        },
        (1, 3, 96, 64),
    ),
}

_TEACHER = {
    "embed_dim": 24,
    "image_resolution": 64,
    "vision_layers": (1, 2, 1, 1),
    "vision_width": 8,
    "vision_patch_size": None,
    "vision_heads": 4,
}
_VIT_TEACHER = {
    **_TEACHER,
    "vision_layers": 2,
    "vision_width": 64,
    "vision_patch_size": 16,
    "vision_heads": 1,
}

# students of MaskCLIP+, each with its teacher
MASKCLIP_PLUS = {
    "plus_segformer": (
        "maskclip_plus",
        "vit_b16_segformer_b0",
        {"backbone": MIT, "teacher": _VIT_TEACHER, "classes": 5},
        (2, 3, 64, 96),
    ),
    "plus_deeplabv2": (
        "maskclip_plus",
        "rn50_deeplabv2_r101",
        {"backbone": RESNET, "teacher": _TEACHER, "classes": 5, "norm_feat": True},
        (2, 3, 64, 48),
    ),
    "plus_deeplabv3plus": (
        "maskclip_plus",
        "rn50_deeplabv3plus_r101",
        {"backbone": RESNET, "teacher": _TEACHER, "classes": 5, "background": True},
        (2, 3, 64, 64),
    ),
}
