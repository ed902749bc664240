"""What a person looks at: contact sheets of a job's variants."""
