"""Words to class embeddings: labels and synonyms, prompt templates, CLIP's tokenizer, the cache."""
