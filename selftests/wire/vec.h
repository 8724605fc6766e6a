/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reader of the vector files (*.vec), whose notation connect.vec explains. Used by the unit
 * tests, the BPF replay and the tool that makes fuzzing corpora. No lock: one thread.
 */
#ifndef VEC_H
#define VEC_H

#include <stddef.h>
#include <stdint.h>

struct vec {
	char		*name;
	int		status;		/* enum mqw_status expected */
	uint32_t	reason;		/* when malformed */
	int		number;		/* third column: line of the attacks, or level; 0 = none */
	char		*fields;	/* last column: "key=value ..." or "" */
	uint8_t		*bytes;
	uint32_t	len;
};

/**
 * vec_load() - read a vector file
 * @path: file
 * @out:  array of vectors, freed with vec_free()
 * @n:    its length
 *
 * A mistake in the file is reported on stderr with file and line.
 * Return: 0 or -1.
 */
int vec_load(const char *path, struct vec **out, size_t *n);
void vec_free(struct vec *vecs, size_t n);

/* Value of @key in the last column copied to @buf, or NULL when it is not there. */
const char *vec_field(const struct vec *v, const char *key, char *buf, size_t size);

/* Number of a reason's word, -1 for none; and the word of a number. */
int vec_reason(const char *word);
const char *vec_reason_word(uint32_t reason);

#endif
